// What recording one latency costs: the generator's flat counts compared with hdr-histogram-js, in alternating
// rounds.
//
//   npm run build && node dist/bench/micro/record-latency.js

import hdr from 'hdr-histogram-js';
import { LatencyCounts } from '../engines/native/counts.js';
import { newLatencyHistogram } from '../measure/histogram.js';

const VALUES = 2_000_000;
const ROUNDS = 7;

hdr.initWebAssemblySync();
const values = Int32Array.from({ length: VALUES }, () => Math.floor(Math.exp(Math.random() * 12)));
const counts = new LatencyCounts();
const javaScript = newLatencyHistogram();
const wasm = hdr.build({ bitBucketSize: 64, highestTrackableValue: 60_000_000, useWebAssembly: true });
const recorders: Readonly<Record<string, (value: number) => void>> = {
  'flat counts': (value) => counts.record(value),
  'hdr-histogram-js': (value) => javaScript.recordValue(value),
  'hdr-histogram-js, WebAssembly': (value) => wasm.recordValue(value),
};

const best = new Map<string, number>();
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, record] of Object.entries(recorders)) {
    const start = performance.now();
    for (let i = 0; i < VALUES; i++) record(values[i] as number);
    const nsEach = ((performance.now() - start) * 1e6) / VALUES;
    best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, nsEach));
  }
}
for (const [name, ns] of best) process.stdout.write(`${name.padEnd(32)} ${ns.toFixed(1)} ns a value\n`);

// Whole runs of the native engine against servers whose faults are known.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { nativeEngine } from '../../../bench/engines/native.js';
import { decodeHistogram } from '../../../bench/measure/histogram.js';
import { judge } from '../../../bench/report/verdict.js';
import type { Result } from '../../../bench/result/result.js';
import { validateResult } from '../../../bench/result/result-validate.js';
import { playPlan, type RunHooks } from '../../../bench/run/run.js';
import { PLAN_DEFAULTS, type Plan } from '../../../bench/scenarios/scenario.js';
import { startRelayTarget } from '../../../bench/targets/relay.js';
import type { Target } from '../../../bench/targets/target.js';
import { type Fate, startFaultyServer, startHesitantServer, startNoisyServer } from '../../support/faulty-server.js';

const schema = JSON.parse(readFileSync('bench/result.schema.json', 'utf8'));
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats: { 'date-time': true, base64: true } });
const obeysSchema = ajv.compile(schema);

/** 200 measured messages to 5 subscribers. */
const SHORT: Partial<Plan> = { subscribers: 5, rate: 200, warmupS: 0.2, durationS: 1, drainS: 3, generators: 2 };

async function play(target: Target, plan: Partial<Plan>, progress: RunHooks['progress'] = () => {}): Promise<Result> {
  const hooks = { progress, signal: new AbortController().signal };
  try {
    const result = await playPlan(nativeEngine(), { ...PLAN_DEFAULTS, ...SHORT, ...plan }, target, hooks);
    assert.equal(obeysSchema(JSON.parse(JSON.stringify(result))), true, JSON.stringify(obeysSchema.errors));
    return validateResult(result, 'the run');
  } finally {
    await target.stop();
  }
}

function counts({ published, expected, delivered, lost, duplicated, outOfOrder }: Result) {
  return { published, expected, delivered, lost, duplicated, outOfOrder };
}

const faults: [string, (nth: number) => Fate, Partial<Result>][] = [
  ['loses nothing', () => 'deliver', {}],
  ['drops every tenth message', (n) => (n % 10 === 3 ? 'drop' : 'deliver'), { delivered: 900, lost: 100 }],
  ['loses the last message', (n) => (n === 199 ? 'drop' : 'deliver'), { delivered: 995, lost: 5 }],
  ['sends every fifth message twice', (n) => (n % 5 === 0 ? 'duplicate' : 'deliver'), { duplicated: 200 }],
  ['swaps every twentieth message with the next', (n) => (n % 20 === 7 ? 'hold' : 'deliver'), { outOfOrder: 50 }],
];
for (const [fault, fateOf, differs] of faults) {
  test(`a server that ${fault} is seen to do exactly that, by every subscriber`, async () => {
    const result = await play(await startFaultyServer(fateOf), {});
    const faultless = { published: 200, expected: 1000, delivered: 1000, lost: 0, duplicated: 0, outOfOrder: 0 };
    assert.deepEqual(counts(result), { ...faultless, ...differs });
  });
}

test('of keys, what a newer state took the place of is conflated, and what a key ended with and nobody got is lost', async () => {
  const missing = (n: number): Fate => (n % 10 === 3 || n === 198 ? 'drop' : 'deliver');
  const result = await play(await startFaultyServer(missing), { keys: 4 });
  // Twenty of a number that ends in 3 had a newer one of their key; number 198 was the last of its key.
  assert.equal(result.staleness?.conflated, 20 * 5);
  const wanted = { published: 200, expected: 900, delivered: 895, lost: 5, duplicated: 0, outOfOrder: 0 };
  assert.deepEqual(counts(result), wanted);
  // A key is updated every 20 ms; half of two keys' states were passed over by one.
  const ages = decodeHistogram(result.staleness?.histogram ?? '');
  assert.equal(ages.totalCount, 895 - 4 * 5);
  const [least, most] = [ages.minNonZeroValue, ages.maxValue];
  assert.ok(least >= 10_000 && most >= 40_000, `${least} to ${most} µs`);
});

for (const dialect of ['raw', 'fanwire.v1'] as const) {
  test(`a relay with a window conflates, and its readers end with the newest state of each key (${dialect})`, async () => {
    const flags = ['--deliver', 'bench-*=100ms,latest-by-key:,'];
    const options = { nodes: 1, workers: 1, dialect, flags, cores: [], connections: 12 };
    const plan = { keys: 3, rate: 300, publishers: 2, topics: 1, subscribers: 10 };
    const { staleness, ...result } = await play(await startRelayTarget(options), plan);
    assert.deepEqual([result.lost, result.duplicated, result.outOfOrder], [0, 0, 0]);
    // Each of six keys has five updates a window.
    const all = result.published * 10;
    assert.equal((staleness?.conflated ?? 0) + result.delivered, all);
    assert.ok((staleness?.conflated ?? 0) > all / 3, `${staleness?.conflated} of ${all}`);
    assert.ok((staleness?.p50 ?? 0) >= 60, `${staleness?.p50} ms`);
  });
}

test('a stall of the server is in the latency of every message that was due in it, not only of the one it caught', async () => {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const stallOnce = (nth: number): Fate => {
    if (nth === 50) Atomics.wait(cell, 0, 0, 500);
    return 'deliver';
  };
  const result = await play(await startFaultyServer(stallOnce), {});
  assert.equal(result.lost, 0);
  // At 200 msg/s, 80 of the 200 messages were due in its first 400 ms, each 100 ms before its end or more.
  const p65 = decodeHistogram(result.latencyMs.histogram).getValueAtPercentile(65);
  assert.ok(p65 >= 100_000, `${p65} µs`);
});

test('a generator that cannot keep up with what it is sent has its run refused, with the reason', async () => {
  const result = await play(await startNoisyServer(240), { subscribers: 5, generators: 1 });
  assert.equal(result.valid, false);
  assert.match(result.invalidReasons.join('\n'), /the generator was the bottleneck: its busiest process needed/);
});

test('a run with too few messages for a percentile is refused, and says how many it takes', async () => {
  const result = await play(await startFaultyServer(() => 'deliver'), { rate: 20 });
  assert.deepEqual(
    result.invalidReasons.filter((reason) => reason.startsWith('too few')),
    ['too few deliveries to state a p99: 100 of 1000 (ten must lie beyond it)'],
  );
});

test('a server that ends during the run has failed it, with the code that each connection saw', async () => {
  const options = { nodes: 1, workers: 1, dialect: 'raw', flags: [], cores: [], connections: 6 } as const;
  const target = await startRelayTarget(options);
  let left = target.pids;
  const result = await play(target, {}, ({ phase }) => {
    if (phase !== 'measure') return;
    for (const pid of left) process.kill(pid, 'SIGKILL');
    left = [];
  });
  const { kind, headline } = judge(result);
  assert.deepEqual([kind, headline], ['failed', 'The server process ended during the run']);
  // A publisher that waits for a core may come to its end before it looks at its socket.
  assert.match(String(result.params.closedByServer), /^1006: [56]$/);
  assert.ok(result.published < 200, JSON.stringify(result.params));
});

test('a server that refuses some of its connections has failed the run, however little else could be measured', async () => {
  const flags = ['--max-connections', '4'];
  const options = { nodes: 1, workers: 1, dialect: 'raw', flags, cores: [], connections: 6 } as const;
  // Too few messages for any percentile: the run itself can say nothing about latency.
  const result = await play(await startRelayTarget(options), { rate: 20, publishers: 0 });
  const { kind, headline } = judge(result);
  assert.deepEqual([kind, headline], ['failed', '1 of 5 connections failed (1 × HTTP 503)']);
});

test('no more handshakes are in flight than allowed, and all that are allowed', async () => {
  const { target, mostWaiting } = await startHesitantServer(8, 40);
  const result = await play(target, { subscribers: 40, publishers: 0, rate: 0, generators: 2, maxHandshakes: 8 });
  assert.equal(result.connections.opened, 40);
  assert.equal(mostWaiting(), 8);
});

test('connections that the server refuses are counted, and none at all is an error that says why', async () => {
  const refusing = createServer((socket) => {
    socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
    socket.on('error', () => {}).resume();
  });
  await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
  const { port } = refusing.address() as { port: number };
  const stop = async () => {
    await new Promise((resolve) => refusing.close(resolve));
  };
  const target: Target = {
    name: 'x',
    version: '',
    cmd: 'x',
    urls: [`ws://127.0.0.1:${port}`],
    dialect: 'raw',
    pids: [],
    stop,
  };
  await assert.rejects(play(target, {}), { code: 'FANWIRE_BENCH_NO_CONNECTION', message: /HTTP 503/ });
});

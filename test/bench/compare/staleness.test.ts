// Delivery windows as a gate, played: two pairs, which show the figure and do not decide.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { busyMachine } from '../../support/busy-machine.js';
import { temporaryFolder } from '../../support/constructed-repository.js';

const CLI = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));
const LOAD =
  '--scenario state --subscribers 20 --keys 5 --rate 200 --warmup 0.2 --duration 1.5 --capacity 0 --pairs 2 --max-minutes 0.5 --no-why';

test('windows of 100 ms instead of 20 show in the staleness, which decides where compare is asked for it', (t) => {
  const json = join(temporaryFolder(t), 'out.json');
  const relay = (window: string): string =>
    `${process.execPath} ${CLI} serve --port {port} --admin-port 0 --deliver 'bench-*=${window},latest-by-key:,'`;
  const sides = ['--base', relay('20ms'), '--head', relay('100ms'), '--budget', 'staleness:+50%', '--json', json];
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'compare', ...LOAD.split(' '), ...sides], {
    encoding: 'utf8',
  });
  const busy = busyMachine({ status, stderr });
  if (busy !== undefined) {
    t.diagnostic(`no quiet machine to compare on: ${busy}`);
    return;
  }
  assert.ok(status === 0 || status === 1, stderr);
  assert.match(stdout, /^ {2}staleness p99 \+\d.*, budget \+50 %/m);
  const [{ results, staleness, metrics }] = JSON.parse(readFileSync(json, 'utf8')).scenarios;
  assert.ok(results.head.staleness.conflated > results.base.staleness.conflated);
  assert.ok(staleness.length > 3, 'by percentile, for the page');
  const gates: { name: string; pairRatios: number[] }[] = metrics.filter((one: { isGate: boolean }) => one.isGate);
  assert.deepEqual(
    gates.map(({ name }) => name),
    ['staleness'],
  );
  // A busy machine may hold up one of the runs.
  const highest = Math.max(...(gates[0]?.pairRatios ?? []));
  assert.ok(highest > 1.5 && highest < 6, `${gates[0]?.pairRatios}`);
});

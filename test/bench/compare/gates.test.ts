// Which metrics decide, where not all of them can be measured.
import assert from 'node:assert/strict';
import test from 'node:test';
import { gatesOf, unmeasuredOf } from '../../../bench/compare/gates.js';

test('a default metric that no run can measure does not keep a comparison undecided', () => {
  const gates = (specs: readonly string[], capacityMs: number, rate = 100) =>
    gatesOf([], unmeasuredOf(specs, capacityMs, { rate, publishers: 1, keys: 0 }));
  const here = gates(['main', '.'], 400).filter((name) => name !== 'instructions'); // as this machine's perf has it
  assert.deepEqual(here, ['cpu', 'throughput', 'p50', 'p99']);
  assert.deepEqual(gates(['main', '.'], 0), ['cpu', 'p50', 'p99']);
  assert.deepEqual(gates(['.', 'ws://a:1'], 400), ['throughput', 'p50', 'p99']);
  assert.deepEqual(gates(['wss://a:1', '.'], 400), ['p50', 'p99']);
  assert.deepEqual(gates(['main', '.'], 0, 0), [], 'nothing is published');
});

test('metrics that a budget names decide, and only those', () => {
  assert.deepEqual(gatesOf(['p999', 'cpu'], {}), ['p999', 'cpu']);
  assert.throws(() => gatesOf(['cpu'], { cpu: 'x is y' }), /asks for cpu, but x is y: leave it out/);
});

test('staleness decides where it is asked for, and is refused where messages have no keys', () => {
  const plan = { rate: 100, publishers: 1 };
  assert.equal(unmeasuredOf(['main', '.'], 0, { ...plan, keys: 20 }).staleness, undefined);
  assert.match(unmeasuredOf(['main', '.'], 0, { ...plan, keys: 20, rate: 0 }).staleness ?? '', /nothing is published/);
  const unmeasured = unmeasuredOf(['main', '.'], 400, { ...plan, keys: 0 });
  assert.throws(() => gatesOf(['staleness'], unmeasured), /asks for staleness, but messages have no keys/);
  assert.ok(!gatesOf([], unmeasuredOf(['main', '.'], 400, { ...plan, keys: 20 })).includes('staleness'));
});

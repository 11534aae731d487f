// A suite: how it is read, what is refused, and one verdict over its scenarios on real servers.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Comparison } from '../../../bench/compare/comparison.js';
import { COMPARE_PLAN, SHORT_LOOP_S } from '../../../bench/compare/plan.js';
import { setUp } from '../../../bench/compare/setup.js';
import { DEFAULT_SUITE, readSuite } from '../../../bench/compare/suite.js';

const CLI = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'fanwire-suite-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

const options = {
  budget: undefined,
  capacityMs: 400,
  specs: ['main', '.'],
  isFanwire: true,
  isPaired: true,
  say: () => {},
};

test("the repository's compare.json is the default suite by name", () => {
  const { scenarios, maxMinutes } = readSuite(join(ROOT, 'compare.json'));
  assert.deepEqual(scenarios, DEFAULT_SUITE.scenarios);
  assert.equal(maxMinutes, DEFAULT_SUITE.maxMinutes);
  assert.equal(readSuite('default'), DEFAULT_SUITE);
});

test('every scenario of the default suite has gates that its runs can measure', () => {
  const setups = setUp(DEFAULT_SUITE, options);
  assert.deepEqual(
    setups.map(({ name }) => name),
    ['fan-out', 'burst', 'many-topics', 'churn', 'connect-ramp', 'enveloped'],
  );
  for (const { name, gates } of setups) assert.ok(gates.length >= (name === 'connect-ramp' ? 1 : 2), name);
  const foreign = setUp(DEFAULT_SUITE, { ...options, isFanwire: false });
  assert.equal(foreign.length, 5, 'only fanwire speaks the envelope');
});

test('an open loop is short where no latency decides, unless its length is given or runs are kept', () => {
  const lengthOf = (budget: string, durationS?: number, isPaired = true): number | undefined => {
    const entry = { name: 'a', scenario: 'fan-out', plan: durationS === undefined ? {} : { durationS } };
    return setUp({ scenarios: [entry] }, { ...options, budget, isPaired })[0]?.plan.durationS;
  };
  assert.equal(lengthOf('cpu:+5%'), SHORT_LOOP_S);
  assert.equal(lengthOf('cpu:+5%,p50:+30%'), COMPARE_PLAN.durationS);
  assert.equal(lengthOf('cpu:+5%', 5), 5);
  assert.equal(lengthOf('cpu:+5%', undefined, false), COMPARE_PLAN.durationS);
});

test('the closed loop is played where a gate is from it, or somebody asks for it', () => {
  const loopOf = (budget: string, others: { isCapacityNamed?: boolean; isPaired?: boolean } = {}) =>
    setUp({ scenarios: [{ name: 'a', scenario: 'state', plan: {} }] }, { ...options, budget, ...others })[0];
  assert.equal(loopOf('staleness:+20%')?.capacityMs, 0);
  assert.equal(loopOf('staleness:+20%,rss:+10%')?.countsInstructions, false);
  assert.equal(loopOf('staleness:+20%,cpu:+5%')?.capacityMs, 400);
  assert.equal(loopOf('')?.capacityMs, 400, 'what decides by default is from it');
  assert.equal(loopOf('staleness:+20%', { isCapacityNamed: true })?.capacityMs, 400);
  assert.equal(loopOf('staleness:+20%', { isPaired: false })?.capacityMs, 400, 'kept runs have it');
});

test('windows that take the closed loop’s topics in are refused before anything is played', () => {
  const play = (deliver: string, budget = '', flags = ['--deliver', deliver]) =>
    setUp(
      { scenarios: [{ name: 'a', scenario: 'fan-out', plan: {} }] },
      { ...options, budget, serveFlags: ['--workers', '1', ...flags] },
    );
  for (const caught of ['*=100ms,latest', 'x=1s;cap*=50ms', 'capacity-1=50ms']) {
    assert.throws(
      () => play(caught),
      /--deliver ".*=…" takes capacity-0 in\): name those of the load, "bench-\*=…", or/,
    );
  }
  assert.throws(() => play('', '', ['--deliver=*=100ms']), { code: 'FANWIRE_USAGE_COMPARE' });
  assert.throws(
    () => play('', '', ['--deliver', 'cap*=1s', '--deliver', 'bench-*=1s']),
    /takes capacity-0 in/,
    'both hold',
  );
  play('bench-*=100ms,latest');
  play('*=100ms,latest', 'p50:+20%'); // of the open loop alone
});

test('an entry is a name, or an object whose plan, budget, loop and dialect hold for it alone', (t) => {
  const file = join(folder(t), 'suite.json');
  const large = { name: 'large', scenario: 'fan-out', plan: { payloadBytes: 16384 }, capacity: 0, budget: 'cpu:+7%' };
  writeFileSync(file, JSON.stringify({ scenarios: ['fan-out', large], budget: 'p99:+40%', alpha: 0.05 }));
  const suite = readSuite(file);
  assert.equal(suite.alpha, 0.05);
  const [usual, own] = setUp(suite, options);
  assert.ok(usual && own);
  assert.deepEqual(
    [usual.gates, usual.budgets.p99],
    [['p99'], 0.4],
    "the suite's budget holds where an entry has none",
  );
  assert.deepEqual([own.gates, own.budgets.cpu, own.capacityMs, own.plan.payloadBytes], [['cpu'], 0.07, 0, 16384]);
});

test('what a suite cannot be is one line that names the place and the mend', (t) => {
  const here = folder(t);
  const file = join(here, 'suite.json');
  const bad: [string, RegExp][] = [
    ['{"scenarios": ["fan-out"', /suite\.json: .*JSON/],
    ['[]', /the file must be a JSON object/],
    ['{"scenarios": []}', /"scenarios" must be a list/],
    ['{"scenario": ["fan-out"]}', /unknown key "scenario".*did you mean .*scenarios/i],
    ['{"scenarios": ["fanout"]}', /--suite .*: scenarios\[0\]: there is no scenario "fanout".*fan-out/],
    ['{"scenarios": ["burst", "burst"]}', /two scenarios are named "burst": give one a "name" of its own/],
    ['{"scenarios": [{"scenario": "burst", "plan": {"rat": 5}}]}', /unknown key "rat".*rate/],
    ['{"scenarios": [{"scenario": "burst", "plan": {"rate": -5}}]}', /"rate" must be a number from 0/],
    ['{"scenarios": [{"scenario": "burst", "dialect": "stomp"}]}', /"dialect" must be raw or enveloped, got "stomp"/],
    ['{"scenarios": [{"plan": {}}]}', /scenarios\[0\] needs "scenario"/],
    ['{"scenarios": [{"scenario": "burst", "name": "a\\nb"}]}', /"name" must be text of one line/],
    ['{"scenarios": ["burst"], "alpha": 2}', /"alpha" must be a number from 0\.000001 to 0\.5 .*, got 2/],
  ];
  for (const [content, says] of bad) {
    writeFileSync(file, content);
    assert.throws(() => readSuite(file), says, content);
  }
  writeFileSync(file, '\ufeff{"scenarios": ["fan-out", {"scenario": "burst", "budget": "cpu:5"}]}');
  assert.throws(() => setUp(readSuite(file), options), /^FanwireError: "budget" of burst in the suite term "cpu:5"/);
  writeFileSync(file, '{"scenarios": [{"scenario": "burst", "capacity": 0}], "budget": "instructions:+5%"}');
  assert.throws(() => setUp(readSuite(file), options), /"budget" of the suite asks for instructions/);
  assert.throws(() => readSuite('defualt'), /no such file.*did you mean default\?/);
  writeFileSync(file, '{"scenarios": ["fan-out"]}');
  const both = spawnSync(process.execPath, [CLI, 'compare', '--base', 'x', '--suite', file, '--rate', '5'], {
    encoding: 'utf8',
  });
  assert.equal(both.status, 2);
  assert.match(both.stderr, /--suite says itself what is played: leave --rate out \[FANWIRE_USAGE_COMPARE\]\n$/);
  const series = spawnSync(process.execPath, [CLI, 'compare', '--base', 'x', '--suite', 'no-such.json'], {
    encoding: 'utf8',
  });
  assert.match(series.stderr, /^fanwire: --suite no-such\.json: .*\[FANWIRE_USAGE_SUITE\]\n$/);
});

/** A relay that drops every 20th message above 1,000 bytes where LOSSY is set. */
const RELAY = `
const { WebSocketServer } = require('ws');
const topics = new Map();
let n = 0;
new WebSocketServer({ port: Number(process.env.PORT), host: '127.0.0.1' }).on('connection', (socket, { url }) => {
  if (!topics.has(url)) topics.set(url, new Set());
  const peers = topics.get(url).add(socket);
  socket.on('message', (message, binary) => {
    if (process.argv[2] === 'lossy' && message.length > 1000 && ++n % 20 === 0) return;
    for (const peer of peers) if (peer !== socket) peer.send(message, { binary });
  });
  socket.on('close', () => peers.delete(socket));
});
`;

test('a head that is bad in one scenario of two is worse, and the page, the table and the exit code are one', (t) => {
  const here = folder(t);
  symlinkSync(join(ROOT, 'node_modules'), join(here, 'node_modules'));
  writeFileSync(join(here, 'server.js'), RELAY);
  const plan = { subscribers: 20, rate: 200, durationS: 0.6, warmupS: 0.1 };
  const scenarios = [
    { name: 'small', scenario: 'fan-out', plan, capacity: 0 },
    { name: 'large', scenario: 'fan-out', plan: { ...plan, payloadBytes: 2000 }, capacity: 0 },
  ];
  writeFileSync(join(here, 'compare.json'), JSON.stringify({ scenarios }));
  const sides = ['--base', 'node server.js good {port}', '--head', 'node server.js lossy {port}'];
  const reports = ['--json', 'out.json', '--html', 'out.html', '--junit', 'out.xml'];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [CLI, 'compare', ...sides, '--suite', 'compare.json', '--pairs', '2', ...reports],
    { cwd: here, encoding: 'utf8' },
  );
  const isBusy = /other processes used|the generator was the bottleneck/;
  if (status === 3) {
    assert.match(stderr, isBusy);
    t.diagnostic('no quiet machine to compare on');
    return;
  }
  const comparison = JSON.parse(readFileSync(join(here, 'out.json'), 'utf8')) as Comparison;
  const missing = comparison.scenarios.find(({ results }) => results === null);
  if (missing !== undefined) {
    assert.match(missing.unmeasured ?? '', isBusy);
    return t.diagnostic('no quiet machine to compare on');
  }
  assert.equal(status, 1, stderr);
  assert.match(stdout, /^Regressed: .*\n {2}messages lost or duplicated in large: [1-9]\d* by head, 0 by base\n/);
  assert.match(stdout, /\nsmall \(inconclusive, 2 pairs\) .*\n[\s\S]*\nlarge \(inconclusive, 2 pairs\)/);
  assert.match(readFileSync(join(here, 'out.html'), 'utf8'), /<a class="open" href="#s0">small/);
});

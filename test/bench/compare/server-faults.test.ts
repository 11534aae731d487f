// Servers that fail in the middle of runs: a head whose server dies where the base's does not is worse; a base that
// dies measures nothing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ClosedLoopFault, capacityInTurns } from '../../../bench/compare/capacity.js';
import type { Run } from '../../../bench/compare/metrics.js';
import { playSide, type ServerFault } from '../../../bench/compare/play.js';
import { describeFaults, ServerFaults } from '../../../bench/compare/server-faults.js';
import type { Side } from '../../../bench/compare/side.js';
import { excusesServer } from '../../../bench/compare/valid-run.js';
import { nativeEngine } from '../../../bench/engines/native.js';
import { PLAN_DEFAULTS } from '../../../bench/scenarios/scenario.js';
import { startCommandTarget } from '../../../bench/targets/command.js';
import type { Target } from '../../../bench/targets/target.js';
import { busyMachine } from '../../support/busy-machine.js';
import { constructRepository, temporaryFolder } from '../../support/constructed-repository.js';
import { needs } from '../../support/needs.js';

const CLI = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));
const WS = fileURLToPath(new URL('../../../../node_modules/ws', import.meta.url));

test('one death of the head’s alone is a fault at the end, two end the play; nothing is said before the base has played', () => {
  const faults = new ServerFaults();
  faults.failed('head', 'ended with exit code 1: Error: boom', true);
  faults.failed('head', 'ended with exit code 1: Error: boom', true);
  assert.ok(!faults.isClear(0.01) && !faults.outcome(0.01).isHeadWorse);
  faults.ranWell('base');
  assert.ok(faults.isClear(0.01) && faults.outcome(0.01).isHeadWorse);
  assert.equal(
    describeFaults(faults.outcome(0.01)),
    'the server ended, dropped clients or stopped delivering in head’s 2 of 2 runs, base’s 0 of 1 runs (ended with exit code 1: Error: boom)',
  );
  faults.failed('base', 'ended with exit code 1', true);
  assert.ok(!faults.isClear(0.01) && !faults.outcome(0.01).isHeadWorse, 'the base dies as well');
});

test('dropped clients are a matter of chance until the sign test says otherwise', () => {
  const faults = new ServerFaults();
  for (let i = 0; i < 20; i++) faults.ranWell('base');
  const drop = (): void => faults.failed('head', 'the server closed 3 connections', false);
  for (let i = 0; i < 6; i++) drop();
  assert.ok(!faults.isClear(0.01), 'six of six: one in 64');
  drop();
  assert.ok(faults.isClear(0.01), 'seven of seven: one in 128');
  faults.failed('base', 'the server closed 1 connection', false);
  assert.ok(!faults.isClear(0.01), 'seven of eight: nine in 256');
  assert.equal(describeFaults(new ServerFaults().outcome(0.01)), undefined);
});

const HOLDS = '';
const DIES = "if (++messages > 30) throw new RangeError('out of messages');";
/** All its clients at once, so that half of the messages are never published. */
const DROPS = 'if (++messages === 30) for (const peer of peers) peer.terminate();';
const LOSES = 'if (++messages % 50 === 0) return;';
/** One message in ten goes back to its sender as well, one in seven comes behind the next one. */
const ECHOES_AND_SWAPS = `
    if (++messages % 10 === 0) socket.send(message, { binary });
    if (messages % 7 === 0) return void (peers.held = message);
    if (peers.held) setImmediate((held) => {
      for (const peer of peers) if (peer !== socket) peer.send(held, { binary });
    }, peers.held);
    peers.held = undefined;`;

/** A relay that does `first` with each message. */
const relay = (first: string): string => `
const { WebSocketServer } = require('${WS}');
const topics = new Map();
let messages = 0;
new WebSocketServer({ port: Number(process.env.PORT), host: '127.0.0.1' }).on('connection', (socket, { url }) => {
  if (!topics.has(url)) topics.set(url, new Set());
  const peers = topics.get(url).add(socket);
  socket.on('message', (message, binary) => {
    ${first}
    for (const peer of peers) if (peer !== socket) peer.send(message, { binary });
  });
  socket.on('close', () => peers.delete(socket));
});
`;

function play(t: TestContext, base: string, head: string, capacityMs = 0) {
  const repository = constructRepository(t);
  repository.write('server.js', relay(base));
  repository.commit();
  repository.git('tag', 'v1');
  repository.write('server.js', relay(head));
  const load = [
    '--subscribers',
    '5',
    '--rate',
    '100',
    '--duration',
    '0.6',
    '--warmup',
    '0',
    '--capacity',
    String(capacityMs),
    '--pairs',
    '4',
    '--max-minutes',
    '0.5',
  ];
  const json = join(repository.place, 'out.json');
  const args = [
    'compare',
    '--base',
    'v1',
    '--cache',
    join(repository.place, 'cache'),
    '--start',
    'node server.js',
    '--json',
    json,
  ];
  const { status, stderr, stdout } = spawnSync(process.execPath, [CLI, ...args, ...load], {
    cwd: repository.folder,
    encoding: 'utf8',
  });
  return { status, stderr, stdout, json };
}

async function relayTarget(t: TestContext, first: string): Promise<Target> {
  const file = join(temporaryFolder(t), 'server.js');
  writeFileSync(file, relay(first));
  const command = `${process.execPath} ${file}`;
  const target = await startCommandTarget({ name: 'a', version: '', command, path: '', dialect: 'raw', cores: [] });
  t.after(() => target.stop());
  return target;
}

test(
  'a head that dies in the middle of its runs is judged worse, which is named first with its last words',
  needs('git'),
  (t) => {
    const { status, stderr, stdout, json } = play(t, HOLDS, DIES);
    assert.equal(status, 1, stderr);
    assert.match(stdout, /^Regressed/m);
    const { verdict, reasons, scenarios } = JSON.parse(readFileSync(json, 'utf8'));
    assert.equal(verdict, 'regressed');
    assert.match(
      reasons[0],
      /head’s (\d+) of \1 runs, base’s 0 of \d+ runs \(ended with exit code 1: RangeError: out of messages\)$/,
    );
    assert.equal(scenarios[0].serverFaults.isHeadWorse, true);
  },
);

test(
  'a head that loses messages is judged worse for them, and no closed loop waits for what never comes',
  needs('git'),
  (t) => {
    const { status, stderr, json } = play(t, HOLDS, LOSES, 800);
    const busy = busyMachine({ status, stderr });
    if (busy !== undefined) {
      t.diagnostic(`no quiet machine to compare on: ${busy}`);
      return;
    }
    assert.equal(status, 1, stderr);
    const { verdict, reasons, scenarios } = JSON.parse(readFileSync(json, 'utf8'));
    assert.equal(verdict, 'regressed');
    assert.match(reasons[0], /^messages lost or duplicated: \d+ by head, 0 by base$/);
    assert.deepEqual(scenarios[0].serverFaults.head.faults, []);
  },
);

test('a run whose server drops its clients is the server’s fault, though it leaves too few messages', async (t) => {
  const side: Side = {
    spec: '',
    label: '',
    isBuilt: false,
    start: () => relayTarget(t, DROPS),
    again: async () => side,
  };
  const options = {
    plan: { ...PLAN_DEFAULTS, subscribers: 5, rate: 100, durationS: 0.6, warmupS: 0 },
    engine: nativeEngine(),
    cores: { server: [], generator: [] },
    capacityMs: 0,
    countsInstructions: false,
    isOpenLoopJudged: true,
    signal: new AbortController().signal,
  };
  // A generator that was at its end as well blames nobody.
  const isExcused = (one: Run | ServerFault): one is Run =>
    !('fault' in one) && one.result.invalidReasons.some(excusesServer);
  let run = await playSide(side, options);
  for (let again = 0; again < 8 && isExcused(run); again++) run = await playSide(side, options);
  if (isExcused(run)) {
    t.diagnostic(`no quiet machine: ${run.result.invalidReasons}`);
    return;
  }
  assert.deepEqual(run, { fault: 'the server closed 6 connections during the run (1006: 6)', isDeath: false });
});

test('a head that answers the sender and mixes up the order is judged worse for both', needs('git'), (t) => {
  const { status, stderr, json } = play(t, HOLDS, ECHOES_AND_SWAPS);
  const busy = busyMachine({ status, stderr });
  if (busy !== undefined) {
    t.diagnostic(`no quiet machine to compare on: ${busy}`);
    return;
  }
  assert.equal(status, 1, stderr);
  const { reasons } = JSON.parse(readFileSync(json, 'utf8'));
  assert.match(reasons[0], /^messages out of order: [1-9]\d* by head, 0 by base$/);
  assert.match(reasons[1], /^messages sent back to their publisher: [1-9]\d* by head, 0 by base$/);
});

test('a server that stops delivering in the closed loop is named, not the one beside it', async (t) => {
  const [holds, stops] = await Promise.all([relayTarget(t, HOLDS), relayTarget(t, LOSES)]);
  const options = { subscribers: 2, capacityMs: 100, countsInstructions: false };
  await assert.rejects(
    capacityInTurns([holds, stops], options),
    (error) =>
      error instanceof ClosedLoopFault && error.target === stops && /delivered nothing for 10 s/.test(error.message),
  );
});

test('a base that dies measures nothing: exit code 3, with the reason', needs('git'), (t) => {
  for (const head of [HOLDS, DIES]) {
    const { status, stderr } = play(t, DIES, head);
    assert.equal(status, 3, stderr);
    assert.match(
      stderr,
      /pairs in a row were invalid, some because the base's server failed: ended with exit code 1: RangeError: out of messages; a server that does not hold cannot be compared: mend that first/,
    );
  }
});

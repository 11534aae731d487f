// `fanwire bench` as people run it: its exit codes, its one-line refusals, what it leaves behind.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Result } from '../../../bench/result/result.js';
import { readResults } from '../../../bench/result/result-validate.js';
import { signalChild } from '../../../bench/system/signal-child.js';
import { OWN_CLI } from '../../../bench/targets/own-relay.js';
import { certificate } from '../../support/certificate.js';
import { fanwire, runFanwire, serve } from '../../support/fanwire-process.js';
import { needs } from '../../support/needs.js';

/** 300 messages. */
const SHORT = ['--rate', '200', '--warmup', '0.2', '--duration', '1.5', '--quiet'];

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-bench-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs the bench and reads its result. That the machine was too busy to measure is no failure of the test's: 0, or 3
 *  and invalid. */
async function measured(t: TestContext, args: readonly string[], env = {}): Promise<Result> {
  const json = join(folderOf(t), 'result.json');
  const { code, stderr } = await runFanwire(t, ['bench', ...args, '--json', json], { env });
  assert.ok(code === 0 || code === 3, stderr);
  const [result] = readResults(json) as [Result];
  assert.equal(code, result.valid ? 0 : 3, stderr);
  assert.deepEqual([result.lost, result.duplicated, result.outOfOrder, result.connections.failed], [0, 0, 0, 0]);
  assert.equal(result.published, 300);
  return result;
}

for (const dialect of ['raw', 'fanwire.v1']) {
  test(`the relay loses nothing to subscribers that come and go, over ${dialect}`, async (t) => {
    const file = join(folderOf(t), 'scenario.json');
    const scenario = { scenario: 'churn', subscribers: 40, topics: 2, publishers: 4, churnRate: 30, binary: true };
    writeFileSync(file, JSON.stringify(scenario));
    const result = await measured(t, ['--scenario', file, ...SHORT, '--dialect', dialect]);
    assert.ok(result.connections.opened > 60, `${result.connections.opened} connections opened`);
    assert.ok(result.delivered > 4000, `${result.delivered} of about 6000`);
    assert.ok((result.server?.rssMax ?? 0) > 1e6, 'the memory of a server that it starts is known');
  });
}

test('half of the subscribers cut at once are all back, and those that stayed miss nothing', async (t) => {
  const result = await measured(t, ['reconnect-storm', '--subscribers', '60', ...SHORT]);
  assert.equal(result.connections.requested, 60 + 30 + 1);
  assert.equal(typeof result.params.stormRecoveredMs, 'number');
});

test('subscribers that never read are closed by the relay, and cost the others nothing', async (t) => {
  // 18 MB, more than the kernel takes for a stalled one; at 6 MB/s what it takes for a reader is a second's worth or
  // more.
  const flood = ['--rate', '100', '--warmup', '0.2', '--duration', '3', '--payload', '60000'];
  const few = ['--subscribers', '4', '--stalled', '3', '--serve', '--max-backpressure 64k'];
  const result = await measured(t, ['slow-consumer', ...few, ...flood, '--quiet']);
  assert.equal(result.params.stalledClosed, 3);
  assert.equal(result.expected, 4 * 300);
});

test('a running server is measured over wss, with its process, once its certificate is trusted or waived', async (t) => {
  const { cert, key } = certificate(t);
  const relay = await serve(t, ['--tls-cert', cert, '--tls-key', key]);
  const url = `wss://localhost:${relay.port}`;
  const args = ['--url', url, '--server-pid', String(relay.child.pid), '--subscribers', '20', ...SHORT];
  const refused = await runFanwire(t, ['bench', ...args]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /SELF_SIGNED.*NODE_EXTRA_CA_CERTS.*--insecure.*\[FANWIRE_BENCH_NO_CONNECTION\]\n$/);
  const waived = await measured(t, [...args, '--insecure']);
  assert.ok((waived.server?.rssMax ?? 0) > 1e6);
  await measured(t, args, { NODE_EXTRA_CA_CERTS: cert });
});

test(
  'the subscribers of each topic are spread over two nodes of two threads, joined by a NATS server, and miss nothing',
  needs('nats-server'),
  async (t) => {
    const cluster = ['--nodes', '2', '--workers', '2', '--subscribers', '24', '--topics', '2', '--publishers', '4'];
    const result = await measured(t, [...cluster, ...SHORT]);
    assert.equal(result.expected, 300 * 12);
    assert.match(result.target.cmd, /^2 × fanwire serve .*--cluster nats:\/\/127\.0\.0\.1:\d+$/);
  },
);

test('more connections than the limit on open files allows is one line before the run, with the mend', async (t) => {
  const args = ['bench', '--subscribers', '5000', '--generators', '1', '--url', 'ws://127.0.0.1:9'];
  const started = fanwire(t, args, {}, 'ulimit -n 1000; exec "$@"');
  const { code } = await started.exited;
  assert.equal(code, 1);
  assert.match(started.stderr(), /^fanwire: the generator needs 5100 open files .* is 1000: raise it .* --generators/);
  assert.match(started.stderr(), /\[FANWIRE_BENCH_FILE_LIMIT\]\n$/);
});

test('connections beyond the limit on open files of one process are spread over more of them', async (t) => {
  const relay = await serve(t);
  const json = join(folderOf(t), 'result.json');
  const args = [
    'bench',
    'connect-ramp',
    '--subscribers',
    '700',
    '--url',
    `ws://127.0.0.1:${relay.port}`,
    '--json',
    json,
  ];
  const started = fanwire(t, args, {}, 'ulimit -n 350; exec "$@"');
  await started.exited;
  const result = JSON.parse(readFileSync(json, 'utf8')) as Result;
  assert.equal(result.connections.opened, 700, started.stderr());
});

test('SIGINT, and the end of the terminal, end the run, its generators and its relay, and give no result', async (t) => {
  const load = ['--subscribers', '10', '--duration', '60'];
  const server = `${process.execPath} ${OWN_CLI} serve --port {port} --admin-port 0 --log-level error`;
  const compared = ['compare', '--base', server, '--head', server, '--max-minutes', '60', ...load];
  const endings: [string[], NodeJS.Signals[], RegExp][] = [
    [['bench', ...load], ['SIGINT'], /^fanwire: interrupted: no result \[FANWIRE_BENCH_INTERRUPTED\]\n$/],
    [['bench', ...load], ['SIGHUP'], /interrupted: no result/],
    [compared, ['SIGHUP'], /fanwire: interrupted: no verdict \[FANWIRE_COMPARE_INTERRUPTED\]\n$/],
    // The second one does not wait for what the first one ends in order.
    [compared, ['SIGTERM', 'SIGINT'], /^/],
  ];
  for (const [args, signals, said] of endings) {
    const json = join(folderOf(t), 'result.json');
    const started = fanwire(t, [...args, '--json', json]);
    const pids = await childrenOf(started.child.pid as number, 3);
    for (const signal of signals) signalChild(started.child, signal);
    const { code } = await started.exited;
    assert.equal(code, 130, started.stderr());
    assert.match(started.stderr(), said);
    for (const pid of pids) while (isThere(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.throws(() => readFileSync(json), { code: 'ENOENT' });
  }
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The processes that `pid` started, once there are `wanted`: the relay, the publishers, the subscribers. */
async function childrenOf(pid: number, wanted: number): Promise<number[]> {
  for (;;) {
    const children = parents().flatMap(([child, parent]) => (parent === pid ? [child] : []));
    if (children.length >= wanted) return children;
    await nextTurn();
  }
}

/** [pid, parent's pid] of every process; `ps` is not on every Linux. */
function parents(): [number, number][] {
  if (process.platform !== 'linux') {
    const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
    return rows.map((row) => row.trim().split(/\s+/).map(Number) as [number, number]);
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid): [number, number][] => {
    try {
      return [[Number(pid), Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])]];
    } catch {
      return []; // It ended meanwhile.
    }
  });
}

const wrong: [string[], RegExp][] = [
  [['fan-oot'], /no scenario "fan-oot"; did you mean fan-out\?.*FANWIRE_USAGE_SCENARIO/],
  [['--rate', 'many'], /--rate must be a number from 0 to 10000000 msg\/s .*, got "many"/],
  [['--payload', '10'], /--payload must be 24 to .* bytes .*, got "10"/],
  [['--slo', 'p99<20'], /--slo term "?p99<20"? is not understood|p99<20 has the wrong unit/],
  [['--url', 'http://x'], /--url must be a ws:\/\/ or wss:\/\/ URL, got http:\/\/x/],
  [['--url', 'ws://x', '--server-pid', '2147483647'], /--server-pid 2147483647 is no process of this machine/],
  [['--url', 'ws://x', '--peer', 'ws'], /--url and --peer name different servers/],
  [['--url', 'ws://x', '--nodes', '3'], /--nodes 3 would be ignored with --url: leave it out; it is for relays that/],
  [['--cmd', 'node x.js', '--serve', '--history 9,9s,9k'], /--serve --history 9,9s,9k would be ignored with --cmd/],
  [['--peer', 'ws', '--workers', '1'], /--workers 1 would be ignored with --peer/],
  [['--server-pid', '1'], /--server-pid 1 would be ignored: leave it out; it is for --url/],
  [['--local-address', '300.1.1.1'], /--local-address must be an IP address, got 300\.1\.1\.1/],
  [['--header', 'Bad Name: x'], /--header must be "Name: value".*, got "Bad: \*\*\*"/],
  [['state', '--deliver', '20ms,newest'], /--deliver must be a window of 1ms to 1h .*; got "20ms,newest"/],
  [['--topics', '3', '--subscribers', '2'], /--topics 3 is more than --subscribers 2/],
];
for (const [args, says] of wrong) {
  test(`bench ${args.join(' ')} is refused in one line, with exit code 2`, async (t) => {
    const { code, stderr } = await runFanwire(t, ['bench', ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr.trimEnd(), says);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
  });
}

test('of keys the result has staleness and the windows that the relay was started with; what was named holds or is refused', async (t) => {
  const json = join(folderOf(t), 'state.json');
  const plan = ['state', '--subscribers', '20', '--keys', '4', '--deliver', '50ms,latest-by-key:,', ...SHORT];
  const { code, stderr } = await runFanwire(t, [
    'bench',
    ...plan,
    '--slo',
    'staleness.p99<20s,loss==0',
    '--json',
    json,
  ]);
  assert.equal(code, 0, stderr);
  const [{ staleness, params, lost }] = readResults(json) as [Result];
  assert.deepEqual([lost, params.deliver, params.keys], [0, '50ms,latest-by-key:,', 4]);
  assert.ok((staleness?.p50 ?? 0) >= 20 && (staleness?.conflated ?? 0) > 0, JSON.stringify(staleness));
  const missed = await runFanwire(t, ['bench', ...plan, '--slo', 'staleness.p99<1ms']);
  // 3: the machine may be the reason.
  assert.ok(missed.code === 3 || /objective missed: staleness\.p99<1ms/.test(missed.stderr), missed.stderr);
  const elsewhere = await runFanwire(t, ['bench', ...plan, '--peer', 'ws']);
  assert.deepEqual([elsewhere.code, /--deliver .* would be ignored with --peer/.test(elsewhere.stderr)], [2, true]);
  const compared = await runFanwire(t, ['compare', '--base', '.', '--scenario', 'state', '--deliver', '50ms']);
  assert.equal(compared.code, 2);
  assert.match(compared.stderr, /give both sides --serve "--deliver 'bench-\*=50ms'"/);
});

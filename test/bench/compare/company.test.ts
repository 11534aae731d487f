// Two servers of a pair beside each other: their closed loops in turns, and what is done where both cannot run at once.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../bench/system/free-port.js';
import { busyMachine } from '../../support/busy-machine.js';
import { constructRepository } from '../../support/constructed-repository.js';
import { needs } from '../../support/needs.js';

const CLI = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));
const WS = fileURLToPath(new URL('../../../../node_modules/ws', import.meta.url));

/** For a machine whose cores others hold. */
const PATIENCE_MS = 20_000;

/** A relay that writes its topic to `log` whenever it has work again after a pause, and holds the port `held` too,
 *  unless it is 0. */
const relay = (log: string, held: number): string => `
const { appendFileSync } = require('node:fs');
const { WebSocketServer } = require('${WS}');
const topics = new Map();
let lastAt = 0;
function serve() {
  new WebSocketServer({ port: Number(process.env.PORT), host: '127.0.0.1' }).on('connection', (socket, { url }) => {
    if (!topics.has(url)) topics.set(url, new Set());
    const peers = topics.get(url).add(socket);
    socket.on('message', (message, binary) => {
      const isAgain = performance.now() - lastAt > 10;
      lastAt = performance.now();
      if (isAgain && url.includes('capacity')) appendFileSync(${JSON.stringify(log)}, url + '\\n');
      for (const peer of peers) if (peer !== socket) peer.send(message, { binary });
    });
    socket.on('close', () => peers.delete(socket));
  });
}
if (${held} === 0) serve();
else require('node:net').createServer().listen(${held}, '127.0.0.1', serve);
process.once('SIGTERM', () => process.exit(0));
`;

function play(t: TestContext, held: number) {
  const repository = constructRepository(t);
  const log = join(repository.place, 'turns');
  repository.write('server.js', relay(log, held));
  repository.commit();
  const json = join(repository.place, 'out.json');
  const args = ['compare', '--base', 'HEAD', '--head', '.', '--start', 'node server.js', '--build', 'true'];
  const cache = ['--cache', join(repository.place, 'cache'), '--json', json];
  const load = ['--subscribers', '5', '--rate', '100', '--duration', '0.3', '--warmup', '0', '--capacity', '300'];
  const pairs = ['--pairs', '2', '--max-minutes', '0.2'];
  let outcome = { status: 3 as number | null, stderr: '' };
  // Again where the machine was too busy to measure anything, as a user would.
  for (const until = performance.now() + PATIENCE_MS; outcome.status === 3 && performance.now() < until; ) {
    outcome = spawnSync(process.execPath, [CLI, ...args, ...cache, ...load, ...pairs], {
      cwd: repository.folder,
      encoding: 'utf8',
    });
  }
  const busy = busyMachine(outcome);
  if (busy !== undefined) t.diagnostic(`no quiet machine to compare on: ${busy}`);
  else assert.ok(outcome.status === 0 || outcome.status === 1, outcome.stderr);
  return { ...outcome, isBusy: busy !== undefined, json, log };
}

interface Judged {
  readonly scenarios: readonly {
    readonly pairs: number;
    readonly metrics: readonly { readonly name: string; readonly ratio: number | null }[];
  }[];
}

function measured(json: string): { pairs: number; cpu: number | null } {
  const [scenario] = (JSON.parse(readFileSync(json, 'utf8')) as Judged).scenarios;
  const cpu = scenario?.metrics.find(({ name }) => name === 'cpu');
  return { pairs: scenario?.pairs ?? 0, cpu: cpu?.ratio ?? null };
}

test('the closed loops of a pair are played in turns, each on a topic of its own', needs('git'), (t) => {
  const { isBusy, stderr, json, log } = play(t, 0);
  assert.doesNotMatch(stderr, /cannot run beside/);
  if (isBusy) return;
  const { pairs, cpu } = measured(json);
  assert.equal(pairs, 2);
  assert.ok(cpu !== null && cpu > 0, `CPU × ${cpu}`);
  const topics = readFileSync(log, 'utf8').trim().split('\n');
  const turns = topics.filter((topic, i) => topic !== topics[i - 1]);
  // 2 pairs × 10 turns of each side, two of the same one after the other.
  assert.ok(turns.length >= 12, topics.join());
  assert.deepEqual([...new Set(turns)].sort(), ['/capacity-0', '/capacity-1']);
});

test('servers that want the same port are played one after the other, which is said once', needs('git'), async (t) => {
  const { isBusy, stderr, json } = play(t, await freePort());
  if (isBusy) return;
  assert.equal(stderr.match(/cannot run beside each other/g)?.length, 1, stderr);
  const { pairs, cpu } = measured(json);
  assert.equal(pairs, 2);
  assert.ok(cpu !== null && cpu > 0, `CPU × ${cpu}`);
});

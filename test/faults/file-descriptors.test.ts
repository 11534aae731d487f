// More clients than the process may have files open: refused, visibly and at no cost, until others leave.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { fanwire, serve } from '../support/fanwire-process.js';
import { cpuSeconds, ONLY_LINUX, openFiles, until } from '../support/process-facts.js';
import { SocketClient } from '../support/socket-client.js';
import { Witness } from '../support/witness.js';
import { record } from './reliability.js';

const LIMIT = 200;
const CLIENTS = 1000;
const WATCHED_MS = 1000;

/** What became of one attempt: 101, 503, or 0 for a connection that was cut without an answer. */
function attempt(url: string, opened: WebSocket[]): Promise<number> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  return new Promise((resolve) => {
    socket.on('error', () => resolve(0));
    socket.once('unexpected-response', (_request, response) => {
      response.resume();
      socket.terminate();
      resolve(response.statusCode ?? 0);
    });
    socket.once('open', () => {
      opened.push(socket);
      resolve(101);
    });
  });
}

test(
  'out of file descriptors, the relay refuses, does not spin, serves those it has, and recovers',
  ONLY_LINUX,
  async (t) => {
    const relay = await serve(t, ['--max-connections', '5000'], {}, `ulimit -n ${LIMIT}; exec "$@"`);
    const pid = relay.child.pid as number;
    await relay.seen(/the open-file limit allows fewer sockets than --max-connections/);
    const witness = await Witness.start(t, relay, 'served');
    const filesBefore = openFiles(pid);
    const opened: WebSocket[] = [];
    t.after(() => {
      for (const socket of opened) socket.terminate();
    });
    const outcomes = await Promise.all(Array.from({ length: CLIENTS }, () => attempt(relay.url('crowd'), opened)));
    const refused = outcomes.filter((status) => status !== 101).length;
    assert.ok(opened.length > LIMIT / 2, `${opened.length} came in`);
    assert.ok(refused >= CLIENTS - LIMIT);
    await until('the refused are gone', () => openFiles(pid) === filesBefore + opened.length);
    assert.ok(openFiles(pid) < LIMIT, 'descriptors are left for what is not a client');
    assert.equal(await attempt(relay.url('crowd'), opened), 503, 'a single newcomer gets an answer');
    await relay.seen(/FANWIRE_FILE_LIMIT/);

    const ready = await fetch(`http://127.0.0.1:${relay.adminPort}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /the open-file limit of 200 allows no more sockets/);

    // Clients that keep knocking must not cost a core. 4 ms between the witness's messages is the rest of the load.
    const cpuBefore = cpuSeconds(pid);
    const watchedFromMs = performance.now();
    const knocking = setInterval(() => void attempt(relay.url('crowd'), opened), 10);
    await after(WATCHED_MS);
    clearInterval(knocking);
    const cpuShare = ((cpuSeconds(pid) - cpuBefore) * 1000) / (performance.now() - watchedFromMs);
    assert.ok(cpuShare < 0.5, `${Math.round(cpuShare * 100)} % of a core while it is full`);

    const filesAtTop = openFiles(pid);
    for (const socket of opened.splice(0)) socket.terminate();
    await until('the sockets are closed', () => openFiles(pid) < filesAtTop / 2);
    const newcomers = await Promise.all(Array.from({ length: 50 }, () => SocketClient.open(t, relay.url('after'))));
    assert.equal(newcomers.length, 50);
    const { published, lost } = await witness.end();
    assert.equal(lost, 0, `of ${published} messages`);
    record(t, {
      fault: `file descriptors run out (ulimit -n ${LIMIT})`,
      tried: CLIENTS,
      survived: CLIENTS,
      lost,
      held: `${CLIENTS - refused} came in, ${refused} were refused (503, or cut while the crowd pushed); ${Math.round(cpuShare * 100)} % of a core while full; 50 newcomers came in after others had left; ${published} messages relayed meanwhile`,
    });
  },
);

test(
  'with too few file descriptors even to start, the relay says so in one line, with the limit and the mend',
  ONLY_LINUX,
  async (t) => {
    // 20: nothing loads; 64: not all of the configuration; 120: not the workers. Node 22 reads modules with fewer files
    // open at a time, and with less than 23 says of itself that it cannot start.
    const limits = Number(process.versions.node.split('.')[0]) < 22 ? [19, 20, 64, 120] : [23];
    for (const limit of limits) {
      const args = ['serve', '--workers', '4', '--port', '0', '--admin-port', '0', '--log-level', 'silent'];
      // Node itself would say that it cannot read them.
      const relay = fanwire(t, args, { NODE_EXTRA_CA_CERTS: '' }, `ulimit -n ${limit}; exec "$@"`);
      assert.deepEqual(await relay.exited, { code: 1, signal: null });
      const line = `^fanwire: cannot start with an open-file limit of ${limit}: set it \\(ulimit -n, .*\\[FANWIRE_OPEN_FILES\\]\\n$`;
      assert.match(relay.stderr(), new RegExp(line));
    }
  },
);

// Peers that hold on to a connection without doing their part: vanished ones, and handshakes that never end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { signalChild } from '../../bench/system/signal-child.js';
import { serve } from '../support/fanwire-process.js';
import { ONLY_LINUX, openFiles, until } from '../support/process-facts.js';
import { SocketClient } from '../support/socket-client.js';
import { Witness } from '../support/witness.js';
import { record } from './reliability.js';
import { upgradeRequest } from './storm.js';

const VANISHED = 300;
const DRIPPING = 2000;
const HONEST = 500;
const DRIP_EVERY_MS = 250;

/** A client process with `count` open sockets, stopped: its kernel still acknowledges, nobody reads or answers a
 *  ping. */
async function stoppedClient(t: TestContext, url: string, count: number): Promise<void> {
  const script = fileURLToPath(new URL('./stopped-client.js', import.meta.url));
  const client = spawn(process.execPath, [script, url, String(count)], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => signalChild(client, 'SIGKILL'));
  await once(client.stdout, 'data');
  signalChild(client, 'SIGSTOP');
}

/** Sends its request's headers byte by byte and never ends them; resolves when the relay has cut it. */
function drip(t: TestContext, port: number): Promise<void> {
  const endless = `${upgradeRequest('/drip').slice(0, -2)}X-Slow: ${'z'.repeat(1000)}`;
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
  // The request line goes out whole: the version of uWS at hand answers one that comes in pieces with 505 at once.
  let sent = endless.indexOf('\n') + 1;
  socket.write(endless.slice(0, sent));
  const timer = setInterval(() => socket.write(endless[sent++] as string), DRIP_EVERY_MS);
  t.after(() => socket.destroy());
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.resume().once('close', () => {
      clearInterval(timer);
      resolve();
    });
  });
}

suite('peers that only hold on', { concurrency: true, ...ONLY_LINUX }, () => {
  test('sockets whose peers have vanished are reaped, silent ones that answer pings stay', async (t) => {
    const relay = await serve(t, ['--idle-timeout', '8']);
    const pid = relay.child.pid as number;
    const alive = await Promise.all(Array.from({ length: 50 }, () => SocketClient.open(t, relay.url('still'))));
    const filesBefore = openFiles(pid);
    await stoppedClient(t, relay.url('still'), VANISHED);
    assert.equal(openFiles(pid), filesBefore + VANISHED);
    await until('the vanished are reaped', () => openFiles(pid) === filesBefore);
    const [sender, ...readers] = alive as [SocketClient, ...SocketClient[]];
    sender.socket.send('still there?');
    await Promise.all(readers.map((reader) => reader.count(1)));
    record(t, {
      fault: 'half-open sockets (the client process is stopped)',
      tried: VANISHED,
      survived: VANISHED,
      lost: 0,
      held: `all reaped with --idle-timeout 8; ${alive.length} silent sockets that answer pings stayed and heard a message`,
    });
  });

  test('slow-loris upgrades are cut, and nobody waits for them', async (t) => {
    const relay = await serve(t);
    const pid = relay.child.pid as number;
    const filesBefore = openFiles(pid);
    const cuts = Array.from({ length: DRIPPING }, () => drip(t, relay.port));
    await until('all of them hold a connection', () => openFiles(pid) === filesBefore + DRIPPING);
    const witness = await Witness.start(t, relay, 'meanwhile');
    const url = relay.url('honest');
    const [sender, ...readers] = await Promise.all(Array.from({ length: HONEST }, () => SocketClient.open(t, url)));
    sender?.socket.send('through');
    await Promise.all(readers.map((reader) => reader.count(1)));
    assert.ok(
      openFiles(pid) >= filesBefore + DRIPPING + HONEST,
      'the honest ones came in while the others still dripped',
    );
    await Promise.all(cuts);
    const { published, lost } = await witness.end();
    assert.equal(lost, 0, `of ${published} messages`);
    record(t, {
      fault: 'slow-loris upgrades (a byte every 250 ms)',
      tried: DRIPPING,
      survived: DRIPPING,
      lost,
      held: `all cut by the relay; ${HONEST} honest upgrades came in meanwhile; ${published} messages relayed meanwhile`,
    });
  });
});

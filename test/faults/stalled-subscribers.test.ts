// Subscribers that stop reading under a flood: their memory is bounded, what they miss is counted, readers miss
// nothing.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { type ServeProcess, serve } from '../support/fanwire-process.js';
import { megabytes, ONLY_LINUX, openFiles, rssBytes, until } from '../support/process-facts.js';
import { SocketClient } from '../support/socket-client.js';
import { frame } from '../support/wire.js';
import { record } from './reliability.js';
import { upgradeRequest } from './storm.js';

const MAX_BACKPRESSURE = 64 * 1024;
const PAYLOAD_BYTES = 1000;
const FRAME_BYTES = PAYLOAD_BYTES + 4;
/** 6 MB: the kernel takes up to 4 MB for a socket before the relay must hold anything. */
const PUBLISHED = 6000;
const PACED_BY = 50;
const READERS = 5;
const PONG = frame({ opcode: 10 });

/** A subscriber that reads its handshake, then nothing until `read`. */
class Stalled {
  receivedBytes = 0;
  last = Buffer.alloc(0);

  private constructor(readonly socket: Socket) {}

  static open(t: TestContext, port: number, topic: string): Promise<Stalled> {
    const socket = connect({ port, host: '127.0.0.1' });
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(upgradeRequest(`/${topic}`));
    return new Promise((resolve) => {
      socket.once('data', () => {
        socket.pause();
        resolve(new Stalled(socket));
      });
    });
  }

  read(): void {
    this.socket.on('data', (bytes) => {
      this.receivedBytes += bytes.length;
      this.last = bytes;
    });
    this.socket.resume();
  }
}

/** Publishes as fast as those who read can follow. Resolves when each of them has all; the highest RSS seen is the
 *  result. */
async function flood(t: TestContext, relay: ServeProcess, topic: string): Promise<number> {
  const pid = relay.child.pid as number;
  const received: number[] = Array(READERS).fill(0);
  const readers = await Promise.all(received.map(() => SocketClient.open(t, relay.url(topic))));
  const publisher = await SocketClient.open(t, relay.url(topic));
  readers.forEach(({ socket }, reader) => {
    socket.removeAllListeners('message'); // a reader that keeps everything would hold 6 MB
    socket.on('message', (payload: Buffer) => {
      assert.equal(payload.readUInt32BE(0), received[reader], 'in order, without a gap');
      received[reader] = (received[reader] as number) + 1;
    });
  });
  let highestRss = 0;
  for (let sent = 0; sent < PUBLISHED; ) {
    for (const end = sent + PACED_BY; sent < end; sent++) {
      const payload = Buffer.alloc(PAYLOAD_BYTES);
      payload.writeUInt32BE(sent);
      publisher.socket.send(payload);
    }
    const all = sent;
    await until('the readers have all', () => received.every((count) => count === all));
    highestRss = Math.max(highestRss, rssBytes(pid));
  }
  for (const { socket } of readers) assert.equal(socket.readyState, WebSocket.OPEN);
  return highestRss;
}

async function metric(relay: ServeProcess, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${relay.adminPort}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  assert.ok(line !== undefined, `no ${name}`);
  return Number(line.slice(name.length));
}

async function metricReaches(relay: ServeProcess, name: string, value: number): Promise<void> {
  for (let seen = 0, tries = 0; seen < value; tries++) {
    seen = await metric(relay, name);
    assert.ok(tries < 5000, `${name} is ${seen}, not ${value}`);
    await after(20);
  }
}

/** A stalled socket holds --max-backpressure and what is published between two looks at it (an eighth, at least 16
 *  KiB), in a buffer that doubles as it grows. */
function rssBound(rssBefore: number, stalled: number): number {
  return rssBefore + stalled * 2 * (MAX_BACKPRESSURE + 16 * 1024) + (64 << 20);
}

const ARGS = ['--max-backpressure', String(MAX_BACKPRESSURE)];

suite('subscribers that never read', { concurrency: true, ...ONLY_LINUX }, () => {
  test('drop: memory is bounded, readers miss nothing, and received plus counted losses is what was published', async (t) => {
    const stalledSockets = 1000;
    // No pings: what a socket has received is counted in bytes of messages.
    const relay = await serve(t, [...ARGS, '--slow-consumer', 'drop', '--idle-timeout', '0']);
    const stalled = await Promise.all(
      Array.from({ length: stalledSockets }, () => Stalled.open(t, relay.port, 'flood')),
    );
    const bound = rssBound(rssBytes(relay.child.pid as number), stalledSockets);
    const highestRss = await flood(t, relay, 'flood');
    assert.ok(highestRss < bound, `RSS ${megabytes(highestRss)}, bound ${megabytes(bound)}`);
    assert.equal(await metric(relay, 'fanwire_slow_consumers_total'), stalledSockets, 'nobody else was slow');

    for (const one of stalled) one.read();
    const receivedBytes = (): number => stalled.reduce((sum, one) => sum + one.receivedBytes, 0);
    const dropped = (): Promise<number> => metric(relay, 'fanwire_messages_dropped_total{reason="slow_consumer"}');
    const expected = PUBLISHED * stalledSockets;
    let lost = 0;
    for (let tries = 0; tries < 1000; tries++) {
      lost = await dropped();
      if (receivedBytes() === (expected - lost) * FRAME_BYTES) break;
      await after(100);
    }
    assert.ok(lost > 0, 'the flood was enough to lose something');
    assert.equal(receivedBytes() / FRAME_BYTES + lost, expected, 'received + counted lost = published');
    assert.equal(await metric(relay, 'fanwire_lagging_connections'), 0, 'all are back on their topic');
    record(t, {
      fault: `subscribers that never read, under a flood, --slow-consumer drop`,
      tried: stalledSockets,
      survived: stalledSockets,
      lost: 0,
      held: `${READERS} readers got all ${PUBLISHED} messages; the stalled, once they read: ${expected - lost} received + ${lost} counted lost = ${expected}; RSS at most ${megabytes(highestRss)} (bound ${megabytes(bound)})`,
    });
  });

  test('close: the stalled are closed with 1013 and reaped, memory is bounded, readers miss nothing', async (t) => {
    const stalledSockets = 300;
    // uWS gives an ended socket the last half of --idle-timeout to take what it is owed.
    const relay = await serve(t, [...ARGS, '--slow-consumer', 'close', '--idle-timeout', '16']);
    const pid = relay.child.pid as number;
    const filesBefore = openFiles(pid);
    const stalled = await Promise.all(
      Array.from({ length: stalledSockets }, () => Stalled.open(t, relay.port, 'flood')),
    );
    const bound = rssBound(rssBytes(pid), stalledSockets);
    const [returning] = stalled as [Stalled];
    // Who is heard of is not idle: on a busy machine the flood takes longer than --idle-timeout.
    const beating = setInterval(() => {
      for (const { socket } of stalled) socket.write(PONG);
    }, 2000);
    t.after(() => clearInterval(beating));
    const closed = metricReaches(relay, 'fanwire_slow_consumers_total', stalledSockets).then(() => returning.read());
    const highestRss = await flood(t, relay, 'flood');
    await closed;
    clearInterval(beating);
    assert.ok(highestRss < bound, `RSS ${megabytes(highestRss)}, bound ${megabytes(bound)}`);
    assert.equal(await metric(relay, 'fanwire_slow_consumers_total'), stalledSockets);
    assert.equal(await metric(relay, 'fanwire_connections'), READERS + 1);
    if (!returning.socket.readableEnded) await new Promise((resolve) => returning.socket.once('end', resolve));
    const close = frame({ opcode: 8, masked: false, payload: Buffer.from('\x03\xf5slow consumer', 'latin1') });
    assert.deepEqual(returning.last.subarray(-close.length), close, 'told why, after what it was owed');
    await until('those that never read again are reaped', () => openFiles(pid) <= filesBefore + READERS + 1);
    record(t, {
      fault: 'subscribers that never read, under a flood, --slow-consumer close',
      tried: stalledSockets,
      survived: stalledSockets,
      lost: 0,
      held: `${READERS} readers got all ${PUBLISHED} messages; the stalled were closed with 1013 and their descriptors freed; RSS at most ${megabytes(highestRss)} (bound ${megabytes(bound)})`,
    });
  });
});

// SIGTERM while publishers send as fast as they can: whoever is connected and reads gets all that was accepted until
// its close.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { type ServeProcess, serve } from '../support/fanwire-process.js';
import { ONLY_LINUX } from '../support/process-facts.js';
import { record } from './reliability.js';

const PUBLISHERS = 8;
const SUBSCRIBERS = 80;
const TURN_MESSAGES = 20;
const MAX_BUFFERED_BYTES = 256 * 1024;
/** Messages each subscriber has received when the signal comes. */
const BEFORE_SIGNAL = 4000;

/** How many messages of each publisher came, in order and without a gap; the one that publishes by HTTP is the last. */
class Prefix {
  readonly counts: number[] = Array(PUBLISHERS + 1).fill(0);
  gaps = 0;
  total = 0;

  take(text: string): void {
    const [publisher, seq] = text.split(' ').map(Number) as [number, number];
    if (seq !== this.counts[publisher]) this.gaps++;
    this.counts[publisher] = seq + 1;
    this.total++;
  }
}

interface Peer {
  readonly socket: WebSocket;
  readonly prefix: Prefix;
  readonly closed: Promise<number>;
}

async function open(t: TestContext, relay: ServeProcess): Promise<Peer> {
  const socket = new WebSocket(relay.url('load'), { perMessageDeflate: false });
  t.after(() => socket.terminate());
  socket.on('error', () => {}); // shows as a close code of 1006
  const prefix = new Prefix();
  socket.on('message', (payload: Buffer) => prefix.take(payload.toString('latin1')));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return { socket, prefix, closed };
}

/** Publishes `<publisher> <seq>` as fast as the socket takes it, until it is closed. */
function pump({ socket }: Peer, publisher: number): void {
  let seq = 0;
  const turn = (): void => {
    if (socket.readyState !== WebSocket.OPEN) return;
    for (let i = 0; i < TURN_MESSAGES && socket.bufferedAmount < MAX_BUFFERED_BYTES; i++) {
      socket.send(`${publisher} ${seq++}`);
    }
    setImmediate(turn);
  };
  turn();
}

/** Publishes by HTTP until that fails. Returns how many the relay said it had accepted. */
async function pumpHttp(relay: ServeProcess): Promise<number> {
  const url = `http://127.0.0.1:${relay.port}/publish/load`;
  for (let accepted = 0; ; accepted++) {
    try {
      const { status } = await fetch(url, { method: 'POST', body: `${PUBLISHERS} ${accepted}` });
      if (status !== 202) return accepted;
    } catch {
      return accepted;
    }
  }
}

interface Ended {
  readonly subscribers: Prefix[];
  readonly publishers: Prefix[];
  readonly acceptedByHttp: number;
}

/** Sends SIGTERM in the middle of the load. Returns what each subscriber, and each publisher of the others, has
 *  received. */
async function terminate(t: TestContext, drainMs: number): Promise<Ended> {
  const relay = await serve(t, ['--drain-ms', String(drainMs)]);
  const subscribers = await Promise.all(Array.from({ length: SUBSCRIBERS }, () => open(t, relay)));
  const publishers = await Promise.all(Array.from({ length: PUBLISHERS }, () => open(t, relay)));
  publishers.forEach(pump);
  const acceptedByHttp = pumpHttp(relay);
  await Promise.all(
    subscribers.map(
      ({ socket, prefix }) =>
        new Promise<void>((resolve) => {
          const look = (): void => {
            if (prefix.total < BEFORE_SIGNAL) return;
            socket.off('message', look);
            resolve();
          };
          socket.on('message', look);
        }),
    ),
  );
  relay.child.kill('SIGTERM');
  const peers = [...subscribers, ...publishers];
  const codes = await Promise.all(peers.map(({ closed }) => closed));
  assert.deepEqual([...new Set(codes)], [1012]);
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
  const prefixes = (of: Peer[]): Prefix[] => of.map(({ prefix }) => prefix);
  return {
    subscribers: prefixes(subscribers),
    publishers: prefixes(publishers),
    acceptedByHttp: await acceptedByHttp,
  };
}

function gapsOf(prefixes: Prefix[]): number {
  return prefixes.reduce((sum, { gaps }) => sum + gaps, 0);
}

test(
  'SIGTERM under full load, closing all at once: every subscriber has exactly what was accepted',
  ONLY_LINUX,
  async (t) => {
    const { subscribers, publishers, acceptedByHttp } = await terminate(t, 0);
    const accepted = (subscribers[0] as Prefix).counts;
    for (const { counts } of subscribers) assert.deepEqual(counts, accepted);
    publishers.forEach(({ counts }, self) => {
      assert.deepEqual(counts, accepted.with(self, 0), 'a publisher hears all the others');
    });
    assert.equal(gapsOf([...subscribers, ...publishers]), 0);
    const total = accepted.reduce((sum, count) => sum + count, 0);
    record(t, {
      fault: 'SIGTERM under full load, --drain-ms 0',
      tried: SUBSCRIBERS + PUBLISHERS,
      survived: SUBSCRIBERS + PUBLISHERS,
      lost: 0,
      held: `each got the same ${total} messages of ${PUBLISHERS} publishers and of one by HTTP (all ${acceptedByHttp} that had got a 202), then 1012; exit code 0`,
    });
  },
);

test(
  'SIGTERM under full load, closing over a second: nobody misses a message before its own close',
  ONLY_LINUX,
  async (t) => {
    const { subscribers, publishers } = await terminate(t, 1000);
    const all = [...subscribers, ...publishers];
    assert.equal(gapsOf(all), 0);
    const total = all.reduce((sum, prefix) => sum + prefix.total, 0);
    record(t, {
      fault: 'SIGTERM under full load, --drain-ms 1000',
      tried: all.length,
      survived: all.length,
      lost: gapsOf(all),
      held: `${total} deliveries, each subscriber's a prefix without a gap of every publisher's, then 1012; exit code 0`,
    });
  },
);

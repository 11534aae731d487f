// Every peer that is on this machine relays as its registry entry says, to real clients: else its figures mean nothing.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { PEERS, type Peer } from '../../../bench/peers/registry.js';
import { startPeer } from '../../../bench/peers/start.js';
import { type Target, topicUrl } from '../../../bench/targets/target.js';
import { until } from '../../support/process-facts.js';

const MESSAGES = 300;
const PROBE = 'probe';

/** A connected client. It emits `heard` after each message; probes are counted apart. */
class Client extends EventEmitter {
  readonly heard: string[] = [];
  probes = 0;

  constructor(
    readonly send: (text: string) => void,
    readonly close: () => void,
  ) {
    super();
  }

  hear(text: string): void {
    if (text === PROBE) this.probes++;
    else this.heard.push(text);
    this.emit('heard');
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await once(this, 'heard', { signal: AbortSignal.timeout(20_000) });
  }
}

async function join(target: Target, topic: string): Promise<Client> {
  const base = target.urls[0] as string;
  if (target.dialect === 'socket.io') {
    const socket = io(base, { transports: ['websocket'], forceNew: true });
    const client = new Client(
      (text) => socket.emit('m', text),
      () => socket.close(),
    );
    socket.on('m', (text) => client.hear(text));
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('connect_error', reject);
    });
    return client;
  }
  const socket = new WebSocket(topicUrl(base, topic), { perMessageDeflate: false });
  const client = new Client(
    (text) => socket.send(text),
    () => socket.terminate(),
  );
  socket.on('message', (bytes, isBinary) => client.hear(isBinary ? 'a binary frame' : String(bytes)));
  await once(socket, 'open');
  return client;
}

/** Some servers subscribe a moment after they have answered: resolves once `hearer` hears `sender`. */
async function introduce(sender: Client, hearer: Client): Promise<void> {
  const probing = setInterval(() => sender.send(PROBE), 20);
  try {
    await hearer.until(() => hearer.probes > 0);
  } finally {
    clearInterval(probing);
  }
}

async function relaysAsRegistered(peer: Peer, target: Target): Promise<void> {
  const topics = ['room', 'room', 'room', ...(peer.topics ? ['elsewhere'] : [])];
  const clients = await Promise.all(topics.map((topic) => join(target, topic)));
  try {
    const [sender, other, third, stranger] = clients as [Client, Client, Client, Client | undefined];
    for (const hearer of [other, third]) await introduce(sender, hearer);
    await introduce(other, sender);
    const sent = Array.from({ length: MESSAGES }, (_, i) => `message ${i} ${'x'.repeat(i)}`);
    for (const text of sent) sender.send(text);
    await Promise.all([other, third].map((client) => client.until(() => client.heard.length >= MESSAGES)));
    // What the server meant for the sender itself would reach it before this.
    other.send('answer');
    await Promise.all([sender, third].map((client) => client.until(() => client.heard.includes('answer'))));
    assert.deepEqual(sender.heard, peer.leavesSenderOut ? ['answer'] : [...sent, 'answer']);
    assert.deepEqual(other.heard.slice(0, MESSAGES), sent);
    assert.deepEqual(third.heard, [...sent, 'answer']);
    if (stranger) assert.deepEqual({ heard: stranger.heard, probes: stranger.probes }, { heard: [], probes: 0 });
  } finally {
    for (const client of clients) client.close();
  }
}

for (const peer of PEERS) {
  const presence = peer.find();
  const skip = presence.present ? false : presence.reason;
  const whom = peer.leavesSenderOut ? 'every other client' : 'every client';
  test(`${peer.name} relays each message once, in order, to ${whom} of the topic`, {
    skip,
    timeout: 60_000,
  }, async () => {
    const target = await startPeer(peer);
    try {
      await relaysAsRegistered(peer, target);
    } finally {
      await target.stop();
    }
  });
}

test('a peer that is not here says what to install, one that cannot start says what it said', async () => {
  const base = PEERS[0] as Peer;
  const absent: Peer = { ...base, name: 'gone', find: () => ({ present: false, reason: 'apt-get install gone' }) };
  await assert.rejects(startPeer(absent), {
    code: 'FANWIRE_BENCH_PEER_ABSENT',
    message: 'peer gone: apt-get install gone',
  });
  const command = () => [process.execPath, '-e', 'console.error("no such luck"); process.exit(3)'];
  const broken: Peer = { ...base, name: 'broken', find: () => ({ present: true, version: '', command }) };
  await assert.rejects(startPeer(broken), { code: 'FANWIRE_BENCH_TARGET', message: /no such luck$/ });
});

function isGone(pid: number): boolean {
  try {
    return !process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

test('a stopped peer leaves no process of its own behind, forked workers included', async (t) => {
  const nchan = PEERS.find((peer) => peer.name === 'nchan') as Peer;
  const presence = nchan.find();
  if (!presence.present) return t.skip(presence.reason);
  const target = await startPeer(nchan);
  await target.stop();
  const [group] = target.pids;
  // One that was killed is there until init has noticed.
  await until('the whole group is gone', () => isGone(-(group as number)));
});

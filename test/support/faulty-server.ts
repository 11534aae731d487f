// WebSocket servers with a known fault, for tests of what the harness sees: real sockets, one topic, sender left out.

import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Target } from '../../bench/targets/target.js';

/** What becomes of the nth message (from 0) for one subscriber: the messages it gets in its place, in this order.
 *  `hold` keeps it until the next one has gone. */
export type Fate = 'deliver' | 'drop' | 'duplicate' | 'hold';

/** Relays measured messages by `fateOf`; warm-up messages always arrive. Resolves once it listens. */
export async function startFaultyServer(fateOf: (nth: number) => Fate): Promise<Target> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const members = new Set<WebSocket>();
  let nth = 0;
  let held: Buffer | undefined;
  server.on('connection', (member) => {
    members.add(member);
    member.on('close', () => members.delete(member));
    member.on('error', () => {});
    member.on('message', (message: Buffer) => {
      const relay = (buffer: Buffer) => {
        for (const other of members) if (other !== member) other.send(buffer, { binary: false });
      };
      // Behind the key, where it has one.
      const kind = message[message.indexOf('~') + 1];
      const fate = kind === 'm'.charCodeAt(0) ? fateOf(nth++) : 'deliver';
      if (fate === 'hold') {
        held = message;
        return;
      }
      if (fate !== 'drop') relay(message);
      if (fate === 'duplicate') relay(message);
      if (held !== undefined) relay(held);
      held = undefined;
    });
  });
  await new Promise<void>((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  return localTarget('faulty', port, async () => {
    for (const member of members) member.terminate();
    await new Promise((resolve) => server.close(resolve));
  });
}

/** What is noise for a subscriber: the shortest frame there is, so that a server can always send more than anyone can
 *  read. */
const NOISE = Buffer.alloc(3 << 18, Buffer.from([0x82, 0x01, 0x00]));

/** Relays faithfully, and floods every socket with frames that mean nothing, as fast as it takes them, until `messages`
 *  have come. */
export async function startNoisyServer(messages: number): Promise<Target> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const sockets = new Set<Socket>();
  let left = messages;
  server.on('connection', (member, request) => {
    const socket = request.socket;
    sockets.add(socket);
    member.on('error', () => {});
    member.on('message', (message: Buffer) => {
      left--;
      for (const other of server.clients) if (other !== member) other.send(message, { binary: false });
    });
    const flood = () => {
      if (!socket.destroyed && left > 0) socket.write(NOISE, flood);
    };
    flood();
  });
  await new Promise<void>((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  return localTarget('noisy', port, async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
}

/** Answers handshakes only once `together` of them wait (or all `total` have come), and tells how many ever waited at
 *  once. */
export async function startHesitantServer(
  together: number,
  total: number,
): Promise<{ target: Target; mostWaiting: () => number }> {
  const wss = new WebSocketServer({ noServer: true });
  const server = createServer();
  const waiting: (() => void)[] = [];
  let most = 0;
  let seen = 0;
  server.on('upgrade', (request, socket, head) => {
    seen++;
    waiting.push(() => wss.handleUpgrade(request, socket, head, (member) => member.on('error', () => {})));
    most = Math.max(most, waiting.length);
    if (waiting.length < together && seen < total) return;
    for (const answer of waiting.splice(0)) answer();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const target = localTarget('hesitant', port, async () => {
    for (const member of wss.clients) member.terminate();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { target, mostWaiting: () => most };
}

function localTarget(name: string, port: number, stop: () => Promise<void>): Target {
  return {
    name,
    version: '',
    cmd: 'a server of the test’s own',
    urls: [`ws://127.0.0.1:${port}`],
    dialect: 'raw',
    pids: [],
    stop,
  };
}

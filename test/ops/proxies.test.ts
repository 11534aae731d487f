// The nginx and HAProxy configurations of docs/ops, with the real programs in front of two relays that NATS joins.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { type ServeProcess, serve } from '../support/fanwire-process.js';
import { NatsServer } from '../support/nats-server.js';
import { needs } from '../support/needs.js';
import { until } from '../support/process-facts.js';
import { haproxy, nginx, type ReverseProxy } from '../support/reverse-proxy.js';
import { SocketClient } from '../support/socket-client.js';

const CLIENTS = 20;
/** Where the clients connect from: not the proxy's own address, which is trusted. */
const CLIENT_ADDRESS = '127.0.0.9';

interface Kind {
  readonly program: 'nginx' | 'haproxy';
  readonly start: (t: TestContext, relays: readonly [ServeProcess, ServeProcess]) => Promise<ReverseProxy>;
}

const KINDS: readonly Kind[] = [
  { program: 'nginx', start: nginx },
  { program: 'haproxy', start: haproxy },
];

function join(t: TestContext, proxy: ReverseProxy, topic = 'shared'): Promise<SocketClient> {
  return SocketClient.open(t, `ws://127.0.0.1:${proxy.port}/${topic}`, {
    localAddress: CLIENT_ADDRESS,
    // What a client writes itself must not count.
    headers: { 'X-Forwarded-For': '203.0.113.66' },
  });
}

/** Says `text` on one client and waits until all others have heard it. */
async function everybodyHears(clients: readonly SocketClient[], text: string): Promise<void> {
  const [speaker, ...others] = clients as [SocketClient, ...SocketClient[]];
  speaker.socket.send(text);
  await Promise.all(others.map((other) => other.until(() => other.texts.includes(text))));
}

/** Waits until the relays have told NATS of each other's interest in the topic: what is said before reaches one of them
 *  only. */
async function relaysAreJoined(clients: readonly SocketClient[]): Promise<void> {
  const heard = (client: SocketClient, from: SocketClient): boolean =>
    client === from || client.texts.includes(`hello from ${clients.indexOf(from)}`);
  const talking = setInterval(() => {
    clients.forEach(({ socket }, index) => {
      socket.send(`hello from ${index}`);
    });
  }, 50);
  try {
    await until('all have heard all', () => clients.every((one) => clients.every((other) => heard(one, other))));
  } finally {
    clearInterval(talking);
  }
}

interface Listed {
  readonly id: string;
  readonly address: string;
}

async function connectionsOf(relay: ServeProcess): Promise<Listed[]> {
  const answer = await fetch(`http://127.0.0.1:${relay.adminPort}/connections?limit=1000`);
  return ((await answer.json()) as { connections: Listed[] }).connections;
}

for (const { program, start } of KINDS) {
  const options = process.platform === 'linux' ? needs(program, 'nats-server') : { skip: 'needs 127.0.0.9' };
  const linux = { ...options, timeout: 180_000 };
  test(`${program} passes upgrades and addresses on, and nobody is lost when it or a relay goes`, linux, async (t) => {
    const nats = await NatsServer.start(t);
    const args = ['--trust-proxy', '127.0.0.1', '--cluster', nats.url, '--drain-ms', '300'];
    const relays = [await serve(t, args), await serve(t, args)] as const;
    const proxy = await start(t, relays);

    let clients = await Promise.all(Array.from({ length: CLIENTS }, () => join(t, proxy)));
    await relaysAreJoined(clients);
    await everybodyHears(clients, 'through the proxy');
    const [first, second] = (await Promise.all(relays.map(connectionsOf))) as [Listed[], Listed[]];
    assert.ok(first.length > 0 && second.length > 0, `${first.length} and ${second.length}: both relays have clients`);
    const addresses = new Set([...first, ...second].map(({ address }) => address));
    assert.deepEqual([...addresses], [CLIENT_ADDRESS], 'the real address, not the proxy’s nor what the client claims');

    const enveloped = new WebSocket(`ws://127.0.0.1:${proxy.port}/`, 'fanwire.v1');
    t.after(() => enveloped.terminate());
    await once(enveloped, 'open');
    assert.equal(enveloped.protocol, 'fanwire.v1');
    enveloped.terminate();

    const published = await fetch(`http://127.0.0.1:${proxy.port}/publish/shared`, { method: 'POST', body: 'by HTTP' });
    assert.equal(published.status, 202);
    await Promise.all(clients.map((client) => client.until(() => client.texts.includes('by HTTP'))));

    // The proxy is reloaded: those who are in stay in, newcomers come in.
    proxy.reload();
    const newcomers: SocketClient[] = [];
    for (let tries = 0; tries < 20; tries++) {
      newcomers.push(await join(t, proxy));
      await after(25);
    }
    await everybodyHears([...clients, ...newcomers], 'after the reload');
    for (const newcomer of newcomers) newcomer.socket.terminate();

    // One of the two relays ends: its clients are told, come back, and find the other; those of the other notice
    // nothing.
    const told = new Map<SocketClient, number>();
    for (const client of clients) client.closed.then(({ code }) => told.set(client, code));
    relays[0].child.kill('SIGTERM');
    await until('every client of the relay that ends is told', () => told.size === first.length);
    assert.deepEqual([...new Set(told.values())], [1012]);
    assert.deepEqual(await relays[0].exited, { code: 0, signal: null });
    clients = await Promise.all(clients.map((client) => (told.has(client) ? join(t, proxy) : client)));
    // Those that a test client dropped may still be on their way out through the proxy.
    while ((await connectionsOf(relays[1])).length > CLIENTS) await after(20);
    assert.equal((await connectionsOf(relays[1])).length, CLIENTS);
    await everybodyHears(clients, 'after the drain');
  });
}

for (const { program, start } of KINDS) {
  const options = { ...needs(program), timeout: 60_000 };
  test(`${program} passes requests on whole that come in pieces, and nginx those of HTTP/1.0`, options, async (t) => {
    const args = ['--trust-proxy', '127.0.0.1'];
    const proxy = await start(t, [await serve(t, args), await serve(t, args)]);
    /** The status of the answer to a request that comes in segments. */
    const answered = (...pieces: string[]): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true }, async () => {
          for (const piece of pieces) {
            socket.write(piece);
            await after(30);
          }
        });
        t.after(() => socket.destroy());
        socket
          .on('error', reject)
          .once('data', (heard) => resolve(/^HTTP\/1\.\d (\d+)/.exec(String(heard))?.[1] ?? ''));
      });
    const upgrade =
      'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    assert.equal(await answered('GET ', '/news', ' HTTP/1.1\r\nHost: x\r\n', `${upgrade}\r\n`), '101');
    assert.equal(await answered('POST /publish/news', ' HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi'), '202');
    const old = await answered('GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n');
    assert.equal(old, program === 'nginx' ? '200' : '505'); // HAProxy passes the version on
  });
}

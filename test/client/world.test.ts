// The client against real relays, where users' code, tokens and refusals are not as they should be. Each of these once
// hung, spun, gave up for good or lost what it had promised.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { type ClientOptions, FanwireClient, type FanwireError } from '../../src/client/index.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { EnvelopedClient } from '../support/enveloped-client.js';
import { serve } from '../support/fanwire-process.js';
import { until } from '../support/local-relay.js';

function clientOf(t: TestContext, port: number, options: ClientOptions = {}): FanwireClient {
  const fast = { WebSocket, backoffBaseMs: 5, backoffCapMs: 40 };
  const client = new FanwireClient(`ws://127.0.0.1:${port}`, { ...fast, ...options });
  t.after(() => client.close());
  return client;
}

test('a listener that throws, at once or later, stops nobody: each state comes, and others hear everything', async (t) => {
  const shown = t.mock.method(console, 'error', () => {});
  const relay = await serve(t);
  const proxy = await CuttingProxy.start(t, () => relay.port);
  const client = clientOf(t, proxy.port);
  const thrown: unknown[] = [];
  client.on('error', (error) => thrown.push(error.message));
  client.on('error', () => {
    throw new Error('error listener');
  });
  client.on('state', (state) => {
    throw new Error(`state ${state}`);
  });
  const heard: unknown[] = [];
  const looped: unknown[] = [];
  const room = client.subscribe('room', async ({ data }) => {
    throw new Error(`message ${data}`);
  });
  room.on('message', ({ data }) => heard.push(data));
  const loop = (async () => {
    for await (const { data } of room) if (looped.push(data) === 4) break;
  })();
  await room.ready;
  const publisher = clientOf(t, relay.port);
  for (const n of [1, 2]) await publisher.publish('room', n);
  await until(() => heard.length === 2); // without history, what is under way is lost with the connection
  const live = new Promise((resolve) => room.on('live', resolve));
  proxy.cutAll();
  await live;
  for (const n of [3, 4]) await publisher.publish('room', n);
  await loop;
  assert.deepEqual(heard, [1, 2, 3, 4]);
  for (const words of ['state open', 'state waiting', 'state connecting', 'message 1', 'message 4']) {
    assert.ok(thrown.includes(words), `${words} is reported: ${thrown}`);
  }
  assert.ok(shown.mock.calls.some(({ arguments: [error] }) => (error as Error).message === 'error listener'));
  client.close();
  assert.equal(client.state, 'closed');
});

test('a passing refusal ends no subscription: it is tried again when the relay says, and is live when there is room', async (t) => {
  const relay = await serve(t, ['--max-topics', '1']);
  const [first, second] = [clientOf(t, relay.port), clientOf(t, relay.port)];
  const held = first.subscribe('a');
  await held.ready;
  const room = second.subscribe('b');
  await assert.rejects(room.ready, { code: 'FANWIRE_TOO_MANY_TOPICS', retryAfterMs: 5000 });
  assert.equal(room.state, 'joining');
  const live = new Promise((resolve) => room.on('live', resolve));
  held.unsubscribe();
  await live;
});

test("only the relay's own word is final: a plain token that it refuses ends the client, a proxy's 403 does not", async (t) => {
  const relay = await serve(t, ['--origins', 'https://app.example.com']);
  const foreign = class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { origin: 'https://evil.example' });
    }
  };
  const refused = clientOf(t, relay.port, { WebSocket: foreign });
  await assert.rejects(refused.publish('room', 1), /FANWIRE_ORIGIN_FORBIDDEN/);
  assert.equal(refused.state, 'closed');
  assert.equal(refused.retryInMs, undefined);
  await assert.rejects(refused.publish('room', 1), { code: 'FANWIRE_CLIENT_CLOSED' });

  let attempts = 0;
  const proxy = createServer().on('upgrade', (_request, socket) => {
    attempts++;
    socket.on('error', () => {});
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  proxy.listen(0, '127.0.0.1');
  t.after(() => proxy.close());
  await once(proxy, 'listening');
  const patient = clientOf(t, (proxy.address() as AddressInfo).port);
  await until(() => attempts > 2);
  assert.notEqual(patient.state, 'closed');
});

test('a newcomer has the last messages kept, then what is live; one that did not ask is told how many there are', async (t) => {
  const relay = await serve(t, ['--history', 'chat=200,1h,1m']);
  const publisher = clientOf(t, relay.port);
  for (let n = 1; n <= 30; n++) await publisher.publish('chat', n);
  const proxy = await CuttingProxy.start(t, () => relay.port);
  const heard: unknown[] = [];
  const chat = clientOf(t, proxy.port).subscribe('chat', ({ data }) => heard.push(data), { history: 5 });
  const gaps: unknown[] = [];
  chat.on('gap', (gap) => gaps.push(gap));
  await chat.ready;
  proxy.cutAll();
  await publisher.publish('chat', 31);
  await until(() => heard.length === 6);
  assert.deepEqual(heard, [26, 27, 28, 29, 30, 31]);
  assert.deepEqual(gaps, []);
  const unasked = clientOf(t, relay.port).subscribe('chat');
  const gap = await new Promise((resolve) => unasked.on('gap', resolve));
  assert.deepEqual(gap, { reason: 'not-asked', count: 31 });
});

test('a publish whose answer is cut off arrives once, in order, and its promise says so', async (t) => {
  for (const history of [['--history', 'room=1000,10m,1m'], []]) {
    const relay = await serve(t, history);
    const listener = await EnvelopedClient.open(t, relay.port);
    await listener.ask({ op: 'sub', topic: 'room' });
    const proxy = await CuttingProxy.start(t, () => relay.port);
    const client = clientOf(t, proxy.port);
    const heard: unknown[] = [];
    const room = client.subscribe('room', ({ data }) => heard.push(data));
    await room.ready;
    const published: Promise<unknown>[] = [];
    for (let n = 0; n < 200; n++) {
      if (n % 20 === 10) proxy.cutAfter(40); // somewhere in the answers
      published.push(client.publish('room', n));
      if (n % 5 === 0) await published.at(-1);
    }
    await Promise.all(published);
    assert.ok(proxy.cuts > 0);
    const messages = await listener.messages(200);
    assert.deepEqual(
      messages.map(({ data }) => data),
      [...Array(200).keys()],
    );
    assert.deepEqual(heard, [], 'a replay brings none of them back');
  }
});

test('what waits is paced by the limits of the relay, messages and bytes, and all of it arrives in order', async (t) => {
  const relay = await serve(t, ['--max-publish-rate', '100', '--max-publish-bytes', '40000']);
  const listener = await EnvelopedClient.open(t, relay.port);
  await listener.ask({ op: 'sub', topic: 'room' });
  const client = clientOf(t, relay.port);
  const errors: FanwireError[] = [];
  client.on('error', (error) => errors.push(error));
  await client.subscribe('another').ready;
  // A relay that is held up reads at once what was sent meanwhile: that is not faster than it allows.
  relay.child.kill('SIGSTOP');
  const published = Promise.all(Array.from({ length: 250 }, (_, n) => client.publish('room', n)));
  setTimeout(() => relay.child.kill('SIGCONT'), 400);
  await published;
  const messages = await listener.messages(250);
  assert.deepEqual(
    messages.map(({ data }) => data),
    [...Array(250).keys()],
  );
  assert.deepEqual(errors, []);
  await assert.rejects(client.publish('room', 'x'.repeat(70_000)), { code: 'FANWIRE_CLIENT_TOO_BIG' });
  assert.equal(client.state, 'open');
});

test('a runtime that shows no refused upgrade, as browsers, learns that its token is refused all the same', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-token-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const tokensFile = join(folder, 'tokens.json');
  writeFileSync(tokensFile, JSON.stringify({ tokens: [{ token: 'good-token-0123456789', user: 'ann', pub: ['*'] }] }));
  const relay = await serve(t, ['--auth', 'static', '--tokens-file', tokensFile]);
  // No `on`: no 'unexpected-response'.
  const asInBrowsers = class {
    [handler: `on${string}`]: ((event: unknown) => void) | null;
    private readonly socket: WebSocket;
    constructor(url: string, protocols: string[]) {
      this.socket = new WebSocket(url, protocols);
      for (const type of ['open', 'message', 'close', 'error'] as const) {
        this.socket.addEventListener(type, (event: unknown) => this[`on${type}`]?.(event));
      }
    }
    send(text: string): void {
      this.socket.send(text);
    }
    close(): void {
      this.socket.close();
    }
  };
  const refused = clientOf(t, relay.port, { WebSocket: asInBrowsers, token: 'wrong-token-0123456789' });
  await assert.rejects(refused.publish('room', 1), /4401 FANWIRE_TOKEN_UNKNOWN/);
  assert.equal(refused.state, 'closed');
  let asked = 0;
  const token = (): string => (++asked < 3 ? 'wrong-token-0123456789' : 'good-token-0123456789');
  await clientOf(t, relay.port, { WebSocket: asInBrowsers, token }).publish('room', 1);
  assert.equal(asked, 3);
});

// The client library where it is used: as processes of Node and Bun and in Chromium, over connections that are cut,
// against a relay that is killed and restarted. And its size.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, buildSync } from 'esbuild';
import { WebSocket } from 'ws';
import { BUN_INSTALL, findBun } from '../../bench/peers/bun-binary.js';
import { signalChild } from '../../bench/system/signal-child.js';
import type { FanwireClient } from '../../src/client/index.js';
import { launchChromium, noChromium } from '../support/chromium.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { EnvelopedClient } from '../support/enveloped-client.js';
import { serve } from '../support/fanwire-process.js';
import type { Said } from './listener-program.js';

const PROGRAM = fileURLToPath(new URL('./listener-program.js', import.meta.url));
const CLIENT = fileURLToPath(new URL('../../src/client/index.js', import.meta.url));
const SCRIPT = fileURLToPath(new URL('../../client.js', import.meta.url));
const PYTHON_PROGRAM = fileURLToPath(new URL('../../../test/client/protocol_client.py', import.meta.url));
const noPython = existsSync('/usr/lib/python3/dist-packages/websockets')
  ? false
  : 'python3-websockets is not installed: apt-get install python3-websockets';
const bun = findBun();

/** Starts the listener program with a URL and a topic; `hear` gets each line it says. */
type Start = (t: TestContext, url: string, topic: string, hear: (said: Said) => void) => Promise<void>;

function inProcess(command: string, program = PROGRAM): Start {
  return async (t, url, topic, hear) => {
    const child = spawn(command, [program, url, topic], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => signalChild(child, 'SIGKILL'));
    createInterface({ input: child.stdout }).on('line', (line) => hear(JSON.parse(line) as Said));
  };
}

/** The program as one file for a browser. */
function bundle(entry: string, options: BuildOptions): string {
  const shape = { bundle: true, format: 'esm', platform: 'browser', target: 'es2022', write: false } as const;
  const { outputFiles } = buildSync({ entryPoints: [entry], ...shape, ...options });
  return outputFiles?.[0]?.text ?? '';
}

const inChromium: Start = async (t, url, topic, hear) => {
  const script = bundle(PROGRAM, { external: ['ws'] });
  const server = createServer((request, response) => {
    const isScript = request.url === '/program.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : '<!doctype html><script type="module" src="/program.js"></script>');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const browser = await launchChromium();
  t.after(async () => {
    await browser.close();
    server.close();
  });
  const page = await browser.newPage();
  // Chromium itself reports connections that fail, as errors on the console.
  page.on('console', (line) => line.type() === 'log' && hear(JSON.parse(line.text()) as Said));
  page.on('pageerror', (error) => hear({ gap: `page error: ${error.message}` }));
  const { port } = server.address() as AddressInfo;
  await page.goto(`http://127.0.0.1:${port}/?${new URLSearchParams({ url, topic })}`);
};

async function livesThroughCutsAndRestarts(t: TestContext, start: Start): Promise<void> {
  const args = ['--history', 'room=1000,10m,10m'];
  let relay = await serve(t, args);
  const proxy = await CuttingProxy.start(t, () => relay.port);
  const heard: Said[] = [];
  let wake = (): void => {};
  const until = (check: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      wake = () => check() && resolve();
      wake();
    });
  const messages = (): unknown[] => heard.flatMap(({ message }) => (message === undefined ? [] : [message]));
  const published: string[] = [];
  const publish = async (publisher: EnvelopedClient, count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      published.push(`message ${published.length}`);
      publisher.say({ op: 'pub', topic: 'room', data: published.at(-1) });
    }
    await publisher.handled();
  };

  await start(t, `ws://127.0.0.1:${proxy.port}/`, 'room', (said) => {
    heard.push(said);
    wake();
  });
  await until(() => heard.some(({ live }) => live !== undefined));
  let publisher = await EnvelopedClient.open(t, relay.port);
  for (let cut = 0; cut < 3; cut++) {
    await publish(publisher, 60);
    proxy.cutAfter(500 * cut);
    await publish(publisher, 60);
  }
  await until(() => messages().length >= published.length);
  assert.deepEqual(messages(), published);
  assert.deepEqual(
    heard.filter(({ gap }) => gap),
    [],
    'a recovered client has no gap',
  );
  assert.ok(proxy.cuts > 0, 'nothing was cut');

  for (let restart = 0; restart < 2; restart++) {
    heard.length = 0;
    published.length = 0;
    relay.child.kill('SIGKILL');
    await relay.exited;
    relay = await serve(t, args);
    await until(() => heard.some(({ live }) => live !== undefined));
    publisher = await EnvelopedClient.open(t, relay.port);
    await publish(publisher, 100);
    await until(() => messages().length >= published.length);
    assert.deepEqual(messages(), published);
    assert.deepEqual(
      heard.flatMap(({ gap }) => gap ?? []),
      ['epoch-changed'],
      'history died with the relay: that is said',
    );
  }
}

test('in Node, a listener misses nothing through cuts, and is told of a gap when the relay itself died', (t) =>
  livesThroughCutsAndRestarts(t, inProcess(process.execPath)));

test(
  'in Bun, a listener misses nothing through cuts, and is told of a gap when the relay itself died',
  {
    skip: bun === undefined && `bun is not installed: ${BUN_INSTALL}`,
  },
  (t) => livesThroughCutsAndRestarts(t, inProcess(bun?.path as string)),
);

test(
  'in Chromium, a listener misses nothing through cuts, and is told of a gap when the relay itself died',
  {
    skip: noChromium,
  },
  (t) => livesThroughCutsAndRestarts(t, inChromium),
);

test(
  'a client written in Python from docs/protocol.md misses nothing through cuts, and knows of the same gaps',
  {
    skip: noPython,
  },
  (t) => livesThroughCutsAndRestarts(t, inProcess('/usr/bin/python3', PYTHON_PROGRAM)),
);

test('the whole client is under 5 kB, minified and compressed with gzip, as browsers and their bundlers get it', (t) => {
  const bytes = gzipSync(readFileSync(SCRIPT), { level: 9 }).length;
  const rebundled = gzipSync(bundle(SCRIPT, { minify: true }), { level: 9 }).length;
  const fromSource = gzipSync(bundle(CLIENT, { minify: true }), { level: 9 }).length;
  t.diagnostic(`client.js: ${bytes} bytes; minified once more by esbuild ${rebundled}; from source ${fromSource}`);
  assert.ok(bytes < 5000, `${bytes} bytes`);
  assert.ok(rebundled < 5000, `${rebundled} bytes`);
});

test('the minified client is whole: it publishes, subscribes and comes back', async (t) => {
  const relay = await serve(t, ['--history', 'room=10,1m,1m']);
  const proxy = await CuttingProxy.start(t, () => relay.port);
  const { FanwireClient } = (await import(SCRIPT)) as typeof import('../../src/client/index.js');
  const [listener, publisher] = [proxy.port, relay.port].map((port) => {
    const client = new FanwireClient(`ws://127.0.0.1:${port}`, { WebSocket, backoffBaseMs: 5 });
    t.after(() => client.close());
    return client;
  }) as [FanwireClient, FanwireClient];
  const room = listener.subscribe('room');
  const heard = room[Symbol.asyncIterator]();
  await room.ready;
  await publisher.publish('room', new Uint8Array([1, 2]), { key: 'a' });
  assert.deepEqual((await heard.next()).value?.data, new Uint8Array([1, 2]));
  proxy.cutAll();
  await publisher.publish('room', { n: 2 });
  assert.deepEqual((await heard.next()).value?.data, { n: 2 });
});

// A relay inside a program: `import { startRelay } from 'fanwire'`.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { FanwireError, type RelayOptions, startRelay } from '../../src/index.js';
import { certificate } from '../support/certificate.js';
import { nodeProcess } from '../support/fanwire-process.js';
import { SocketClient } from '../support/socket-client.js';

const INDEX = new URL('../../src/index.js', import.meta.url).href;

async function started(t: TestContext, options?: RelayOptions) {
  const relay = await startRelay(options);
  t.after(() => relay.stop());
  return relay;
}

test('several relays of one program know nothing of each other', async (t) => {
  const relays = await Promise.all([started(t), started(t), started(t, { workers: 2 })]);
  assert.equal(new Set(relays.map(({ port }) => port)).size, 3);
  const clients = await Promise.all(relays.map(({ url }) => SocketClient.open(t, `${url}/news`)));
  for (const [index, relay] of relays.entries()) assert.equal(await relay.publish('news', `to ${index}`), 1);
  await Promise.all(clients.map((client) => client.count(1)));
  assert.deepEqual(
    clients.map(({ texts }) => texts),
    [['to 0'], ['to 1'], ['to 2']],
  );
  const stats = await Promise.all(relays.map((relay) => relay.stats()));
  assert.deepEqual(
    stats.map(({ connections, published, delivered }) => [connections, published, delivered]),
    Array(3).fill([1, 1, 1]),
  );
});

test('publish sends strings as text and bytes as binary, and refuses what cannot be by a code', async (t) => {
  const relay = await started(t, { maxPayloadBytes: 8 });
  const client = await SocketClient.open(t, `${relay.url}/r%C3%A4ume`);
  assert.equal(await relay.publish('räume', 'grüße'), 1);
  assert.equal(await relay.publish('räume', new Uint8Array([0, 255])), 1);
  assert.equal(await relay.publish('nobody', 'x'), 0);
  await client.count(2);
  assert.deepEqual(
    client.received.map(({ payload, isBinary }) => [payload.toString('hex'), isBinary]),
    [
      [Buffer.from('grüße').toString('hex'), false],
      ['00ff', true],
    ],
  );
  const gone = new Uint8Array([1, 2]);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  for (const [topic, data] of [
    ['news', gone],
    ['', 'x'],
    ['a\u0000', 'x'],
    ['news', 'longer than 8'],
    ['news', 5],
    [7, 'x'],
  ] as unknown as [string, string][]) {
    await assert.rejects(relay.publish(topic, data), isCode('FANWIRE_PUBLISH'));
  }
});

test('stop tells every client 1012, frees the port, and is the same one when called again', async (t) => {
  for (const workers of [1, 2]) {
    const relay = await startRelay({ workers });
    const clients = await Promise.all([1, 2, 3].map(() => SocketClient.open(t, `${relay.url}/news`)));
    const stopping = relay.stop();
    assert.equal(relay.stop(), stopping);
    const codes = await Promise.all(clients.map(async (client) => (await client.closed).code));
    assert.deepEqual(codes, [1012, 1012, 1012]);
    await stopping;
    await assert.rejects(relay.publish('news', 'late'), isCode('FANWIRE_STOPPED'));
    const next = await startRelay({ port: relay.port, workers });
    await next.stop();
  }
});

test('stop frees files, threads and timers: the program ends by itself, having written nothing', async (t) => {
  const program = nodeProcess(t, [
    '--input-type=module',
    '-e',
    `import { startRelay } from ${JSON.stringify(INDEX)};
     import { readdirSync } from 'node:fs';
     const files = () => readdirSync('/proc/self/fd').length;
     for (const options of [{}, { workers: 2 }, { adminPort: 0 }, { auth: 'jwt', jwtSecret: 'x'.repeat(32) }, { history: '*=10,1m,1m' }]) {
       await (await startRelay(options)).stop();
       const before = process.platform === 'linux' ? files() : 0;
       const listeners = ['SIGINT', 'SIGTERM', 'SIGHUP', 'uncaughtException', 'unhandledRejection'].map((name) => process.listenerCount(name));
       for (let i = 0; i < 5; i++) await (await startRelay(options)).stop();
       if (process.platform === 'linux' && files() > before) throw new Error(JSON.stringify(options) + ' leaks files');
       if (listeners.some((count) => count > 0)) throw new Error(JSON.stringify(options) + ' listens to the process');
     }`,
  ]);
  assert.deepEqual(await program.exited, { code: 0, signal: null }, program.stderr());
  assert.equal(program.stdout() + program.stderr(), '');
});

test('the admin listener is there where its port is asked for, also on several relays at once', async (t) => {
  const bare = await started(t);
  assert.equal(bare.adminUrl, undefined);
  const relays = [await started(t, { adminPort: 0 }), await started(t, { adminPort: 0 })];
  for (const { adminUrl } of relays) {
    // 503 while the machine is too busy for the relay's event loop.
    while ((await fetch(`${adminUrl}/readyz`)).status !== 200) await new Promise((next) => setTimeout(next, 20));
    assert.match(await (await fetch(`${adminUrl}/metrics`)).text(), /^fanwire_connections 0$[\s\S]*^process_cpu/m);
    assert.match(await (await fetch(`${adminUrl}/`)).text(), /<title>fanwire/);
  }
});

test('what cannot be started is a FanwireError with the code that the command would end with, and leaves nothing behind', async (t) => {
  const taken = await started(t);
  const files = process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
  const wrong: [object, string, RegExp][] = [
    [{ prot: 1 }, 'FANWIRE_CONFIG_UNKNOWN', /^unknown key "prot" of startRelay; did you mean port\?$/],
    [{ port: '90o1' }, 'FANWIRE_CONFIG_RANGE', /^"port" of startRelay must be an integer from 0 to 65535, got "90o1"$/],
    [{ port: 1n }, 'FANWIRE_CONFIG_RANGE', /got 1n$/],
    [{ auth: 'jwt' }, 'FANWIRE_CONFIG_CONFLICT', /--auth jwt needs exactly one of/],
    [{ tlsCert: '/nowhere', tlsKey: '/nowhere' }, 'FANWIRE_CONFIG_FILE', /cannot read --tls-cert "\/nowhere"/],
    [{ port: taken.port }, 'FANWIRE_LISTEN', new RegExp(`on 127.0.0.1:${taken.port}: the port is in use; stop what`)],
    [
      { port: 9001, host: '192.0.2.1' },
      'FANWIRE_LISTEN',
      /on 192.0.2.1:9001: this machine has no such address.*--host/,
    ],
    [{ port: 9001, host: '2001:db8::1' }, 'FANWIRE_LISTEN', /on \[2001:db8::1\]:9001: /],
    [{ adminPort: 0, adminHost: '192.0.2.1' }, 'FANWIRE_LISTEN', /this machine has no such address.*--admin-host/],
    [{ port: taken.port, workers: 2 }, 'FANWIRE_LISTEN', /the port is in use/],
    [{ adminPort: taken.port }, 'FANWIRE_LISTEN', /--admin-port/],
  ];
  for (const [options, code, message] of wrong) {
    await assert.rejects(startRelay(options as RelayOptions), (error: unknown) => {
      assert.ok(isCode(code)(error), String(error));
      assert.match((error as Error).message, message);
      return true;
    });
  }
  if (process.platform === 'linux') assert.ok(readdirSync('/proc/self/fd').length <= files);
});

test('variables of the environment are not read, and lines are written only where logLevel asks for them', async (t) => {
  const source = (options: string) => `import { startRelay } from ${JSON.stringify(INDEX)};
    const relay = await startRelay(${options}); await relay.stop();`;
  const env = { FANWIRE_PORT: 'nonsense', FANWIRE_LOG_LEVEL: 'info' };
  const quiet = nodeProcess(t, ['--input-type=module', '-e', source('')], env);
  assert.equal((await quiet.exited).code, 0, quiet.stderr());
  assert.equal(quiet.stdout(), '');
  const loud = nodeProcess(t, ['--input-type=module', '-e', source(`{ logLevel: 'info' }`)], env);
  assert.equal((await loud.exited).code, 0, loud.stderr());
  assert.match(loud.stdout(), /"msg":"listening on ws:/);
});

test('a relay with TLS says wss, and newcomers get a renewed certificate after reload', async (t) => {
  const { cert, key } = certificate(t);
  const relay = await started(t, { tlsCert: cert, tlsKey: key });
  assert.match(relay.url, /^wss:/);
  await SocketClient.open(t, `${relay.url}/news`, { rejectUnauthorized: false });
  await relay.reload();
});

test('a client that goes on sending while the relay stops gets all that was on its way, and then 1012', async (t) => {
  const relay = await startRelay({ drainMs: 300 });
  const clients = await Promise.all([1, 2, 3].map(() => SocketClient.open(t, `${relay.url}/news`)));
  const timer = setInterval(() => {
    for (const { socket } of clients) if (socket.readyState === socket.OPEN) socket.send('x'.repeat(1000));
  }, 1);
  t.after(() => clearInterval(timer));
  await once(clients[0]?.socket as never, 'message');
  await relay.stop();
  const codes = await Promise.all(clients.map(async (client) => (await client.closed).code));
  assert.deepEqual(codes, [1012, 1012, 1012]);
});

function isCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof FanwireError && error.code === code;
}

test('a program that exits, or fails, while workers run ends with its own exit code', async (t) => {
  for (const [how, code] of [
    ['process.exit(7)', 7],
    ["throw new Error('of the program')", 1],
    ["setTimeout(() => Promise.reject(new Error('later')), 1)", 1],
  ] as const) {
    const text = `import { startRelay } from ${JSON.stringify(INDEX)}; await startRelay({ workers: 2 }); ${how}`;
    const program = nodeProcess(t, ['--input-type=module', '-e', text]);
    const exit = await program.exited;
    assert.deepEqual(exit, { code, signal: null }, `${how}: ${program.stderr()}`);
  }
});

test('options that are none and a drain that would never end are refused by a code, and stats say what is left of them', async (t) => {
  for (const options of [null, 5, 'x', []]) {
    await assert.rejects(startRelay(options as never), { code: 'FANWIRE_CONFIG_RANGE' });
  }
  for (const workers of [1, 2]) {
    const relay = await started(t, { workers });
    const client = await SocketClient.open(t, `${relay.url}/news`);
    await relay.publish('news', 'x');
    for (const drainMs of [Number.NaN, Number.POSITIVE_INFINITY, -1, 3_600_001, '5']) {
      await assert.rejects(relay.stop({ drainMs: drainMs as number }), { code: 'FANWIRE_CONFIG_RANGE' });
    }
    await client.handled();
    await relay.stop(null as never);
    const told = relay.stats().then(({ published }) => published);
    if (workers === 1) assert.equal(await told, 1);
    else await assert.rejects(told, { code: 'FANWIRE_STOPPED' });
  }
});

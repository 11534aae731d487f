// `--workers`: several relays on one port that are one relay to their clients, and what happens when one of them dies.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fanwire, listeningPort, nodeProcess, runFanwire, serve } from '../support/fanwire-process.js';
import { SocketClient } from '../support/socket-client.js';

const FAILING_RELAY = fileURLToPath(new URL('./failing-relay.js', import.meta.url));

/** So many sockets that all workers have some: the chance that one of two has none is 1 in 2^23. */
const SOCKETS = 24;

function open(t: TestContext, url: string): Promise<SocketClient[]> {
  return Promise.all(Array.from({ length: SOCKETS }, () => SocketClient.open(t, url)));
}

test('whatever worker a socket is on, it gets every message of the others once, whole, in order, and none of its own', async (t) => {
  const relay = await serve(t, ['--workers', '3']);
  const [clients, elsewhere] = await Promise.all([open(t, relay.url('news')), open(t, relay.url('other'))]);
  const each = 40;
  for (let i = 0; i < each; i++) {
    for (const [who, client] of clients.entries()) {
      const text = `${who} ${i} ${'x'.repeat(i * 7)}`;
      client.socket.send(i % 2 === 0 ? text : Buffer.from(text), { binary: i % 2 === 1 });
    }
  }
  await Promise.all(clients.map((client) => client.count((SOCKETS - 1) * each)));
  for (const client of clients) await client.handled();
  for (const [who, client] of clients.entries()) {
    const next = new Array(SOCKETS).fill(0);
    for (const { payload, isBinary } of client.received) {
      const [from, i, filler] = payload.toString().split(' ') as [string, string, string];
      assert.equal(Number(i), next[Number(from)]++);
      assert.equal(isBinary, Number(i) % 2 === 1);
      assert.equal(filler.length, Number(i) * 7);
    }
    assert.deepEqual(
      next,
      next.map((_, from) => (from === who ? 0 : each)),
    );
  }
  assert.ok(elsewhere.every((client) => client.received.length === 0));
});

test('a message larger than what workers share of memory arrives whole, between its neighbours', async (t) => {
  const relay = await serve(t, ['--workers', '2', '--max-payload', '8m', '--max-backpressure', '64m']);
  const [publisher, ...clients] = await open(t, relay.url('news'));
  const large = Buffer.alloc(5_000_000, 'large');
  publisher?.socket.send('before');
  publisher?.socket.send(large);
  publisher?.socket.send('after');
  await Promise.all(clients.map((client) => client.count(3)));
  for (const { received } of clients) {
    assert.equal(received[0]?.payload.toString(), 'before');
    assert.ok(received[1]?.payload.equals(large));
    assert.equal(received[2]?.payload.toString(), 'after');
  }
});

test('a socket hears what is published the moment it is open, on any worker', async (t) => {
  const relay = await serve(t, ['--workers', '2']);
  const publishers = await open(t, relay.url('0'));
  for (let round = 1; round <= 20; round++) {
    const topic = String(round);
    const subscriber = await SocketClient.open(t, relay.url(topic));
    const publisher = await SocketClient.open(t, relay.url(topic));
    publisher.socket.send('at once');
    await subscriber.count(1);
  }
  assert.ok(publishers.every((client) => client.received.length === 0));
});

test('with workers too, a port in use is one line that names it, and exit code 1', async (t) => {
  const { port } = await serve(t, ['--workers', '2']);
  const args = ['serve', '--port', String(port), '--admin-port', '0', '--workers', '2', '--log-level', 'silent'];
  const second = await runFanwire(t, args);
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`^fanwire: .*${port}.* in use.* \\[FANWIRE_LISTEN\\]\\n$`));
});

test('SIGTERM closes the sockets of every worker with 1012 and exits 0; a second one does not wait', async (t) => {
  const relay = await serve(t, ['--workers', '2']);
  const clients = await open(t, relay.url('news'));
  relay.child.kill('SIGTERM');
  for (const client of clients) assert.equal((await client.closed).code, 1012);
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
  assert.equal(relay.stderr(), '');

  const slow = await serve(t, ['--workers', '2', '--drain-ms', '600000']);
  await open(t, slow.url('news'));
  slow.child.kill('SIGTERM');
  await slow.seen(/"msg":"draining/);
  slow.child.kill('SIGINT');
  assert.deepEqual(await slow.exited, { code: 130, signal: null });
  assert.equal(slow.stderr(), '');
});

test('SIGTERM while workers start ends them in order and exits 0; a second one does not wait for them', async (t) => {
  const args = ['serve', '--workers', '4', '--port', '0', '--admin-port', '0', '--drain-ms', '0'];
  const relay = fanwire(t, args);
  await relay.seen(/"msg":"fanwire \S+ starting"/);
  relay.child.kill('SIGTERM');
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
  assert.match(relay.stdout(), /"msg":"drained, bye"/);
  assert.equal(relay.stderr(), '');

  // One worker listens, the other never will: to exit here, rather than to die of the signal, would abort.
  const held = nodeProcess(t, [FAILING_RELAY, '{"logLevel":"debug"}'], { HELD_WORKER: '1' });
  await held.seen(/"worker":0,[^\n]*"msg":"listening/);
  held.child.kill('SIGTERM');
  await held.seen(/"msg":"draining/);
  held.child.kill('SIGINT');
  assert.deepEqual(await held.exited, { code: null, signal: 'SIGINT' });
  assert.match(held.stdout(), /"msg":"second signal: exiting at once"/);
  assert.equal(held.stderr(), '');
});

test('what was published before SIGTERM reaches the sockets of every worker before they are closed', async (t) => {
  const relay = await serve(t, ['--workers', '2']);
  const [publisher, ...clients] = (await open(t, relay.url('news'))) as [SocketClient, ...SocketClient[]];
  for (let i = 0; i < 2000; i++) publisher.socket.send(`${i}`);
  await publisher.handled();
  relay.child.kill('SIGTERM');
  for (const client of clients) {
    assert.equal((await client.closed).code, 1012);
    assert.equal(client.received.length, 2000);
  }
});

async function failsAndComesBack(t: TestContext, how: string, said: RegExp): Promise<void> {
  const relay = nodeProcess(t, ['--max-old-space-size=256', FAILING_RELAY]);
  const port = await listeningPort(relay);
  const url = `ws://127.0.0.1:${port}/news`;
  const clients = await open(t, url);
  const lost: SocketClient[] = [];
  for (const client of clients) void client.closed.then(() => lost.push(client));
  relay.child.stdin.write(`${how} 1\n`);
  const failing = relay.seen(said);
  if (how === 'throw-in-handler') {
    // Nobody hears these: the worker that takes them forwards nothing, and the other one is not told to fail.
    const quiet = await Promise.all(Array.from({ length: SOCKETS }, () => SocketClient.open(t, `${url}-quiet`)));
    const poking = setInterval(() => {
      for (const { socket } of quiet) socket.send('poke');
    }, 20);
    await failing.finally(() => clearInterval(poking));
  }
  await failing;
  await relay.seen(/"msg":"worker started anew"/);
  // Each has answered or is closed: who is lost is known.
  await Promise.all(clients.map((client) => client.handled().catch(() => {})));
  const back = await Promise.all(lost.map(() => SocketClient.open(t, url)));
  const others = clients.filter((client) => !lost.includes(client));
  assert.ok(lost.length > 0 && others.length > 0);
  // More of them, so that the new worker surely has some.
  back.push(...(await open(t, url)));
  for (const publisher of [others[0], ...back] as SocketClient[]) publisher.socket.send('still here');
  const published = 1 + back.length;
  const isPublisher = (client: SocketClient): boolean => client === others[0] || back.includes(client);
  await Promise.all([...others, ...back].map((client) => client.count(published - (isPublisher(client) ? 1 : 0))));
  relay.child.kill('SIGTERM');
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
}

test('a worker that throws is started anew, its clients come back, and the others never notice', async (t) => {
  await failsAndComesBack(t, 'throw', /this worker was told to fail/);
});

test('so is one that throws once more as it ends', async (t) => {
  await failsAndComesBack(t, 'throw-again', /this worker fails once more as it ends/);
});

test('so is one that throws inside a handler of uWS', async (t) => {
  await failsAndComesBack(t, 'throw-in-handler', /this worker was told to fail/);
});

test('a worker that runs out of heap ends before it takes the process down, and is started anew', async (t) => {
  await failsAndComesBack(t, 'leak', /FANWIRE_WORKER_MEMORY/);
});

test('a drain hands on what waits in windows to every worker before it closes sockets', async (t) => {
  const modes = ['1h', '1h,latest', '1h,latest-by-key'].flatMap((mode) => [
    [mode, '--deliver', `news=${mode}`],
    [`${mode} with a state`, '--deliver', `news=${mode}`, '--state', 'news'],
  ]);
  for (const [mode, ...flags] of modes) {
    const relay = await serve(t, ['--workers', '3', ...flags, '--drain-ms', '0']);
    const [publisher, ...clients] = await open(t, relay.url('news'));
    publisher?.socket.send('first');
    await Promise.all(clients.map((client) => client.count(1)));
    publisher?.socket.send('waits');
    await publisher?.handled();
    relay.child.kill('SIGTERM');
    await Promise.all(clients.map((client) => client.closed));
    for (const { texts } of clients) assert.deepEqual(texts, ['first', 'waits'], mode);
  }
});

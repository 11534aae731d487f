// `fanwire pub` and `fanwire sub` where what they read from, write to or speak with does not behave: full disks,
// readers that stall, lines that never end, relays that do not answer. Each ends with one line and an exit code, and
// promptly.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test, { type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { signalChild } from '../../bench/system/signal-child.js';
import { fanwire, runFanwire, type ServeProcess, serve } from '../support/fanwire-process.js';
import { until } from '../support/local-relay.js';
import { ONLY_LINUX, rssBytes } from '../support/process-facts.js';

/** What must be prompt is given up after this time; what it is held against takes at least ten times as long. */
const PROMPT_MS = 10_000;

async function ends(exited: Promise<{ code: number | null }>, ms = PROMPT_MS): Promise<number | null | 'still there'> {
  const timer = new AbortController();
  const late = new Promise<'still there'>((resolve) => {
    const handle = setTimeout(() => resolve('still there'), ms);
    timer.signal.addEventListener('abort', () => clearTimeout(handle));
  });
  const how = await Promise.race([exited.then(({ code }) => code), late]);
  timer.abort();
  return how;
}

async function publisherOf(t: TestContext, relay: ServeProcess, topic: string): Promise<WebSocket> {
  const publisher = new WebSocket(relay.url(topic));
  t.after(() => publisher.terminate());
  await once(publisher, 'open');
  return publisher;
}

test('a full disk is one line and exit code 1, whatever is printed', ONLY_LINUX, async (t) => {
  const full = 'exec "$@" >/dev/full';
  for (const args of [['--version'], ['--help'], ['serve', '--help'], ['serve', '--print-config'], ['bench', 'list']]) {
    const program = fanwire(t, args, {}, full);
    assert.equal((await program.exited).code, 1, args.join(' '));
    assert.match(program.stderr(), /^fanwire: cannot write to stdout: ENOSPC.* \[FANWIRE_STDOUT\]\n$/);
  }
  const judge = fanwire(t, ['conform', '--list'], {}, full);
  assert.equal((await judge.exited).code, 3, 'it has judged nothing');
  assert.match(judge.stderr(), /^fanwire: nothing was judged: cannot write to stdout/);

  const relay = await serve(t);
  const sub = fanwire(t, ['sub', relay.url('disk')], {}, full);
  await sub.seen(/subscribed/);
  (await publisherOf(t, relay, 'disk')).send('x');
  assert.equal((await sub.exited).code, 1);
  assert.match(sub.stderr(), /\nfanwire: cannot write to stdout: ENOSPC.* \[FANWIRE_STDOUT\]\n$/);
});

test('a stderr that cannot be written changes nothing of what is done', ONLY_LINUX, async (t) => {
  const relay = await serve(t);
  const publisher = await publisherOf(t, relay, 'mute');
  const heard = once(publisher, 'message');
  const pub = fanwire(t, ['pub', relay.url('mute'), 'x'], {}, 'exec "$@" 2>/dev/full');
  assert.equal((await pub.exited).code, 0);
  assert.equal(String((await heard)[0]), 'x');
});

test(
  'a reader that stalls holds sub up rather than filling its memory, and a signal ends it all the same',
  ONLY_LINUX,
  async (t) => {
    const relay = await serve(t, ['--slow-consumer', 'drop', '--max-backpressure', '1m']);
    const publisher = await publisherOf(t, relay, 'slow');
    const sub = fanwire(t, ['sub', relay.url('slow')]);
    await sub.seen(/subscribed/);
    sub.child.stdout.pause();
    const pid = sub.child.pid as number;
    const before = rssBytes(pid);
    const message = 'x'.repeat(60_000);
    for (let n = 0; n < 3000; n++) {
      publisher.send(message);
      if (publisher.bufferedAmount > 1 << 20) await new Promise((resolve) => publisher.ping('', undefined, resolve));
    }
    const relayed = once(publisher, 'pong');
    publisher.ping('all are read');
    await relayed;
    const grown = rssBytes(pid) - before;
    assert.ok(grown < 60e6, `180 MB were published; sub grew by ${grown} bytes`);
    sub.child.kill('SIGINT');
    assert.equal(await ends(once(sub.child, 'exit').then(([code]) => ({ code }))), 0);
  },
);

test('a relay that is stopped does not keep sub or pub from ending after Ctrl+C', async (t) => {
  const relay = await serve(t);
  const sub = fanwire(t, ['sub', relay.url('frozen')]);
  await sub.seen(/subscribed/);
  const listener = await publisherOf(t, relay, 'frozen');
  const idle = fanwire(t, ['pub', relay.url('frozen'), '-']);
  const busy = fanwire(t, ['pub', relay.url('frozen'), '-']);
  idle.child.stdin.write('idle\n');
  await once(listener, 'message');
  busy.child.stdin.write('busy\n');
  await once(listener, 'message');
  relay.child.kill('SIGSTOP');
  t.after(() => signalChild(relay.child, 'SIGCONT'));
  // More than the kernel takes: pub waits for the relay to read.
  busy.child.stdin.write(`${'x'.repeat(60_000)}\n`.repeat(300));
  for (const one of [sub, idle, busy]) one.child.kill('SIGINT');
  assert.equal(await ends(sub.exited), 0);
  for (const pub of [idle, busy]) {
    assert.equal(await ends(pub.exited), 130);
    assert.match(pub.stderr(), /^fanwire: interrupted; .* did not confirm .* \[FANWIRE_PUB_INTERRUPTED\]\n$/);
  }
});

test('a line that does not end is refused before it fills the memory', async (t) => {
  const relay = await serve(t);
  const pub = fanwire(t, ['pub', relay.url('endless'), '-']);
  const piece = Buffer.alloc(1 << 20, 'x');
  pub.child.stdin.write('first\n');
  for (let n = 0; n < 64 && pub.child.exitCode === null; n++) {
    await new Promise((resolve) => pub.child.stdin.write(piece, resolve));
  }
  assert.equal(await ends(pub.exited), 1);
  assert.match(pub.stderr(), /^fanwire: line 2 has more than 16 MiB, .* \[FANWIRE_PUB_TEXT\]\n$/);
});

test('a line that is no text says so, after all before it have arrived; --binary sends it; NUL is text', async (t) => {
  const relay = await serve(t);
  const listener = await publisherOf(t, relay, 'latin');
  const heard: string[] = [];
  listener.on('message', (data) => heard.push(data.toString('latin1')));
  const input = Uint8Array.of(0x61, 0x00, 0x62, 0x0a, 0xe4, 0x0a);
  const pub = await runFanwire(t, ['pub', relay.url('latin'), '-'], { input });
  assert.equal(pub.code, 1);
  assert.match(pub.stderr, /^fanwire: message 2 is not UTF-8.*; --binary sends any bytes \[FANWIRE_PUB_TEXT\]\n$/);
  await until(() => heard.length === 1);
  const binary = await runFanwire(t, ['pub', relay.url('latin'), '-', '--binary'], { input });
  assert.equal(binary.code, 0, binary.stderr);
  await until(() => heard.length === 3);
  assert.deepEqual(heard, ['a\0b', 'a\0b', 'ä']);
});

test('a message that the relay cuts off for its size is named with what bounds it', async (t) => {
  const relay = await serve(t);
  const pub = await runFanwire(t, ['pub', relay.url('big'), '--size', '2m']);
  assert.equal(pub.code, 1);
  assert.match(pub.stderr, /closed with 1006.*; a message had 2097152 bytes: see --max-payload \[FANWIRE_CLOSED\]\n$/);
});

test('a server that takes the connection and says nothing is given up by Ctrl+C at once', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  t.after(() => silent.close());
  await once(silent, 'listening');
  const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/x`;
  for (const args of [
    ['sub', url],
    ['pub', url, 'x'],
  ]) {
    const program = fanwire(t, args);
    const [socket] = await once(silent, 'connection');
    program.child.kill('SIGINT');
    assert.equal((await program.exited).signal, 'SIGINT');
    socket.destroy();
  }
});

test('a relay that never answers the close of a sub that has enough does not hold it', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  t.after(() => server.close());
  await once(server, 'listening');
  server.on('connection', (socket) => {
    t.after(() => socket.terminate());
    socket.send('one', () => socket.pause());
  });
  const sub = fanwire(t, ['sub', `ws://127.0.0.1:${(server.address() as AddressInfo).port}/x`, '--count', '1']);
  assert.equal(await ends(sub.exited), 0);
  assert.equal(sub.stdout(), 'one\n');
});

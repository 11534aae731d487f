// `fanwire pub` and `fanwire sub` against a real relay, as a shell script would use them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { fanwire, runFanwire, serve } from '../support/fanwire-process.js';

async function subscribed(t: TestContext, args: string[]) {
  const sub = fanwire(t, ['sub', ...args]);
  await sub.seen(/subscribed to/);
  return sub;
}

test('the lines of stdin arrive in order, byte for byte, and both ends exit 0', async (t) => {
  const relay = await serve(t);
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} ä ${'x'.repeat(i % 300)}`);
  const sub = await subscribed(t, [relay.url('news'), '--count', '5000']);
  const pub = await runFanwire(t, ['pub', relay.url('news'), '-'], { input: lines.join('\r\n') });
  assert.equal(pub.code, 0, pub.stderr);
  assert.match(pub.stderr, /^published 5000 messages/);
  assert.deepEqual(await sub.exited, { code: 0, signal: null });
  assert.equal(sub.stdout(), `${lines.join('\n')}\n`);
});

test('several topics are told apart by prefix, and binary frames are printed as asked', async (t) => {
  const relay = await serve(t);
  const sub = await subscribed(t, [relay.url('a'), relay.url('b/c'), '--count', '2', '--binary', 'hex']);
  await runFanwire(t, ['pub', relay.url('a'), 'text']);
  await sub.seen(/a: text\n/);
  await runFanwire(t, ['pub', relay.url('b/c'), '-', '--binary'], { input: Uint8Array.of(0xff, 0x00, 0x80) });
  assert.deepEqual(await sub.exited, { code: 0, signal: null });
  assert.equal(sub.stdout(), 'a: text\nb/c: ff0080\n');
});

test('--raw writes payloads alone, --timestamps the time of arrival', async (t) => {
  const relay = await serve(t);
  const raw = await subscribed(t, [relay.url('r'), '--raw', '--count', '3']);
  const timed = await subscribed(t, [relay.url('r'), '--timestamps', '--count', '1']);
  await runFanwire(t, ['pub', relay.url('r'), 'ab', '--count', '3']);
  await Promise.all([raw.exited, timed.exited]);
  assert.equal(raw.stdout(), 'ababab');
  assert.match(timed.stdout(), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ab\n$/);
});

test('generated payloads have the size and number asked for', async (t) => {
  const relay = await serve(t);
  const sub = await subscribed(t, [relay.url('g'), '--count', '7']);
  const pub = await runFanwire(t, ['pub', relay.url('g'), '--size', '1k', '--count', '7', '--rate', '1000']);
  assert.match(pub.stderr, /^published 7 messages \(7168 bytes\)/);
  await sub.exited;
  assert.match(sub.stdout(), /^([a-z0-9]{1024}\n){7}$/);
});

test('SIGINT ends sub with 0, and pub with 130 once what it sent is delivered', async (t) => {
  const relay = await serve(t);
  const sub = await subscribed(t, [relay.url('s')]);
  const pub = fanwire(t, ['pub', relay.url('s'), '-']);
  pub.child.stdin.write('one\ntwo\nunfinished');
  await sub.seen(/two/);
  pub.child.kill('SIGINT');
  assert.deepEqual(await pub.exited, { code: 130, signal: null });
  assert.match(pub.stderr(), /^published 2 messages/);
  sub.child.kill('SIGINT');
  assert.deepEqual(await sub.exited, { code: 0, signal: null });
  assert.equal(sub.stdout(), 'one\ntwo\n');
});

test('a reader that stops early (| head) ends sub quietly', async (t) => {
  const relay = await serve(t);
  const sub = await subscribed(t, [relay.url('h')]);
  sub.child.stdout.destroy();
  await runFanwire(t, ['pub', relay.url('h'), 'x', '--count', '300']);
  assert.deepEqual(await sub.exited, { code: 0, signal: null });
  assert.equal(sub.stderr(), 'subscribed to h\n');
});

test('a relay that goes away, that is not there or that refuses is one line and exit code 1', async (t) => {
  const relay = await serve(t);
  const sub = await subscribed(t, [relay.url('x')]);
  relay.child.kill('SIGTERM');
  assert.equal((await sub.exited).code, 1);
  assert.match(sub.stderr(), /\nfanwire: .* closed with 1012.* \[FANWIRE_CLOSED\]\n$/);
  await relay.exited;
  const gone = await runFanwire(t, ['pub', relay.url('x'), 'hello']);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /^fanwire: cannot connect to ws:.*: connection refused.* \[FANWIRE_CONNECT\]\n$/);
  const plain = await serve(t);
  const overTls = await runFanwire(t, ['sub', plain.url('x').replace('ws:', 'wss:')]);
  assert.equal(overTls.code, 1);
  assert.match(overTls.stderr, /^fanwire: cannot connect to wss:.* TLS; did you mean ws:.* \[FANWIRE_CONNECT\]\n$/);

  const refusing = createServer().on('upgrade', (_request, socket) => {
    const body = JSON.stringify({
      error: { code: 'FANWIRE_TOPIC_TOO_LONG', message: 'topic has 300 bytes, at most 200' },
    });
    socket.on('error', () => {}); // the client goes as soon as it has the answer
    socket.end(`HTTP/1.1 400 Bad Request\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve));
  t.after(() => refusing.close());
  const refused = await runFanwire(t, ['sub', `ws://127.0.0.1:${(refusing.address() as AddressInfo).port}/x`]);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    / refused: HTTP 400 FANWIRE_TOPIC_TOO_LONG: topic has 300 bytes, at most 200 \[FANWIRE_REFUSED\]\n$/,
  );
});

test('pub fails where the relay closes before it has read all', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  t.after(() => server.close());
  server.on('connection', (socket) => socket.on('message', () => socket.close(1008, 'rate')));
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
  const pub = await runFanwire(t, ['pub', url, '--size', '10', '--count', '1000', '--rate', '100']);
  assert.equal(pub.code, 1);
  assert.match(pub.stderr, /^fanwire: .* closed with 1008 \(rate\) \[FANWIRE_CLOSED\]\n$/);
});

test('sub that got too few messages in time exits 1 and says how many', async (t) => {
  const relay = await serve(t);
  const publisher = new WebSocket(relay.url('few'));
  t.after(() => publisher.terminate());
  await once(publisher, 'open');
  const sub = await subscribed(t, [relay.url('few'), '--count', '2', '--timeout', '3']);
  publisher.send('one');
  assert.equal((await sub.exited).code, 1);
  assert.match(sub.stderr(), /1 of 2 messages came within 3 s \[FANWIRE_SUB_TIMEOUT\]\n$/);
});

test('arguments that cannot work are refused with exit code 2 before anything is sent', async (t) => {
  const cases: [string[], RegExp][] = [
    [
      ['pub', 'localhost:9001/a', 'x'],
      /"localhost:9001\/a" is not a WebSocket URL; did you mean ws:\/\/localhost:9001\/a\?/,
    ],
    [['pub', 'ws://127.0.0.1:1/a#b', 'x'], /"ws:\/\/127\.0\.0\.1:1\/a#b" has a fragment.* write # as %23/],
    [['sub', 'ws://127.0.0.1:1/a', '-H', 'Bad Name: x'], /--header must be "Name: value".*, got "Bad: \*\*\*"/],
    [['pub', 'ws://127.0.0.1:1/a', 'x', '--size', '5'], /give a MESSAGE or --size, not both/],
    [['pub', 'ws://127.0.0.1:1/a', 'x', '--count', '0'], /--count must be an integer from 1 to/],
    [['sub', 'ws://127.0.0.1:1/a', '--binary', 'octal'], /--binary must be one of base64, hex, got "octal"/],
    [['sub'], /missing required argument 'url'; see fanwire sub --help \[/],
    [['serve', 'news'], /: serve does not take "news"; see fanwire serve --help \[/],
    [['bench', 'burst', 'x'], /: bench does not take "x"; see fanwire bench --help \[/],
    [['history', 'page', 'a', 'b'], /: page does not take "a" "b"; see fanwire history --help \[/],
    [['--max-payload=5', '--workers', '2'], /unknown option '--max-payload=5'; try fanwire serve --max-payload … \[/],
    [['sbu', 'ws://127.0.0.1:1/a'], /unknown command 'sbu' \(Did you mean sub\?\)/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await runFanwire(t, args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, message);
  }
});

test('sub begins in the past, takes what comes in windows, and ends well where its reader has seen enough', async (t) => {
  const relay = await serve(t, ['--history', '*=100,10m,1m']);
  const input = Array.from({ length: 50 }, (_, n) => String(n)).join('\n');
  await runFanwire(t, ['pub', relay.url('past'), '-'], { input });
  const args = ['sub', relay.url('past'), '--rewind', '20', '--every', '50ms'];
  const sub = fanwire(t, args, {}, '"$@" | { head -n 3; cat <&- >/dev/null 2>&1; }; echo ended');
  await sub.seen(/30\n31\n32\n/);
  await runFanwire(t, ['pub', relay.url('past'), 'into the closed pipe', '--count', '2', '--rate', '10']);
  await sub.seen(/ended/);
  assert.ok(!/Error|EPIPE/.test(sub.stderr()), sub.stderr());
  const counted = await runFanwire(t, [...args, '--count', '20', '--timeout', '30']);
  assert.deepEqual([counted.code, counted.stdout.split('\n').length], [0, 21]);
});

test('a rewind or a window that is given twice is refused, and a full disk is one line', async (t) => {
  const relay = await serve(t, ['--history', '*=100,10m,1m']);
  for (const [query, flag] of [
    ['rewind=5', '--rewind'],
    ['every=5', '--every'],
  ] as const) {
    const twice = await runFanwire(t, ['sub', `${relay.url('x')}?${query}`, flag, '7']);
    assert.equal(twice.code, 2);
    assert.match(twice.stderr, new RegExp(`give ${flag} or \\?${flag.slice(2)}= in the URL, not both`));
  }
  await runFanwire(t, ['pub', relay.url('x'), 'kept']);
  const full = fanwire(t, ['sub', relay.url('x'), '--rewind', 'last'], {}, 'exec "$@" >/dev/full');
  assert.deepEqual(await full.exited, { code: 1, signal: null });
  assert.match(full.stderr(), /^subscribed to x\nfanwire: cannot write to stdout: ENOSPC[^\n]*\[FANWIRE_STDOUT\]\n$/);
});

test('a folder as stdin is no message: it is named, instead of nothing being published without a word', async (t) => {
  const pub = fanwire(t, ['pub', 'ws://127.0.0.1:1/a'], {}, 'exec "$@" < /');
  assert.deepEqual(await pub.exited, { code: 2, signal: null });
  assert.match(pub.stderr(), /^fanwire: nothing to publish: stdin is a folder.* \[FANWIRE_USAGE_MESSAGE\]\n$/);
});

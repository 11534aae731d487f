// No JavaScript string reaches uWS: not by the types, and not when a relay runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { closeReason, passingUtf8, TopicKeys, utf8 } from '../../src/relay/bytes.js';
import type { HttpRequest, HttpResponse, TemplatedApp, WebSocket as UwsSocket } from '../../src/relay/uws.js';
import { EnvelopedClient } from '../support/enveloped-client.js';
import { serve } from '../support/fanwire-process.js';
import { SocketClient } from '../support/socket-client.js';

/** Never called: each line below compiles only as long as it is an error. */
export function stringsDoNotCompile(
  app: TemplatedApp,
  ws: UwsSocket<object>,
  res: HttpResponse,
  req: HttpRequest,
): void {
  // @ts-expect-error a topic is bytes
  app.publish('räume', utf8('x'), false);
  // @ts-expect-error a message is bytes
  app.publish(utf8('t'), 'grüße', false);
  // @ts-expect-error a pattern is bytes
  app.any('/*', () => {});
  // @ts-expect-error a message is bytes
  ws.send('grüße', false);
  // @ts-expect-error a topic is bytes
  ws.subscribe('räume');
  // @ts-expect-error a topic is bytes
  ws.publish('räume', utf8('x'), false);
  // @ts-expect-error a reason is bytes
  ws.end(1000, 'tschüß');
  // @ts-expect-error a body is bytes
  res.end('grüße');
  // @ts-expect-error a header is bytes
  res.writeHeader('X-Name', utf8('x'));
  // @ts-expect-error a header's name is bytes
  req.getHeader('origin');
}

/** Runs before the relay: puts a guard before every function of uWS, which says which string it was handed. */
const GUARD = `
  import { createRequire } from 'node:module';
  const path = ${JSON.stringify(new URL('../../../node_modules/uWebSockets.js/uws.js', import.meta.url).pathname)};
  const uws = createRequire(path)(path);
  const guarded = new WeakSet();
  const guard = (object) => {
    const prototype = Object.getPrototypeOf(object);
    for (const target of [object, prototype]) {
      if (target === null || target === Object.prototype || guarded.has(target)) continue;
      guarded.add(target);
      for (const name of Object.getOwnPropertyNames(target)) {
        const value = target[name];
        if (typeof value !== 'function') continue;
        target[name] = function (...args) {
          for (const arg of args) if (typeof arg === 'string') process.stderr.write('string to ' + name + ': ' + arg + '\\n');
          return value.apply(this, args.map((arg) => (typeof arg === 'function' ? handler(arg) : arg)));
        };
      }
    }
  };
  const handler = (inner) => (...args) => {
    for (const arg of args) {
      if (typeof arg === 'object' && arg !== null && !ArrayBuffer.isView(arg) && !(arg instanceof ArrayBuffer)) guard(arg);
    }
    return inner(...args);
  };
  for (const name of ['App', 'SSLApp']) {
    const make = uws[name];
    uws[name] = (...options) => {
      const app = make(...options);
      guard(app);
      const { ws } = app;
      app.ws = (pattern, behavior) => {
        if (typeof pattern === 'string') process.stderr.write('string to ws: ' + pattern + '\\n');
        const entries = Object.entries(behavior).map(([key, value]) => [key, typeof value === 'function' ? handler(value) : value]);
        return ws.call(app, pattern, Object.fromEntries(entries));
      };
      return app;
    };
  }
  process.stderr.write('guarded\\n');`;

test('a relay hands uWS no string, whatever is published, answered, replayed, refused or closed', {
  timeout: 60_000,
}, async (t) => {
  const flags = ['--history', 'räume=10,1m,1m', '--presence', '*', '--max-payload', '1k', '--slow-consumer', 'drop'];
  const relay = await serve(t, flags, { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(GUARD)}` });
  await relay.seen(/guarded/);
  const http = `http://127.0.0.1:${relay.port}`;
  const post = (path: string, body: string) => fetch(`${http}/publish${path}`, { method: 'POST', body });

  const raw = await SocketClient.open(t, relay.url('räume'));
  const enveloped = await EnvelopedClient.open(t, relay.port);
  const ok = await enveloped.ask({ op: 'sub', topic: 'räume' });
  raw.socket.send('grüße');
  await post('/r%C3%A4ume', 'für alle');
  await post('', '{"topic":"räume","data":"ü"}\n');
  enveloped.say({ op: 'ping', id: 'ä' });
  assert.ok('epoch' in ok);
  await enveloped.ask({ op: 'sub', topic: 'räume', since: { epoch: ok.epoch as string, seq: 0 } });
  for (const op of [{ op: 'presence', topic: 'räume' }, { op: 'unsub', topic: 'räume' }, { op: 'bäh' }]) {
    await enveloped.ask(op);
  }
  const admin = `http://127.0.0.1:${relay.adminPort}`;
  for (const path of ['/', '/healthz', '/readyz', '/metrics', '/stats', '/topics', '/connections', '/nö']) {
    assert.ok((await fetch(admin + path)).status > 0);
    await fetch(admin + path, { method: 'HEAD' });
  }
  await fetch(`${admin}/connections/n%C3%B6`, { method: 'DELETE' });
  await fetch(http, { method: 'OPTIONS', headers: { origin: 'https://example.com' } });
  await fetch(`${http}/r%C3%A4ume`);
  const refused = new WebSocket(relay.url('x'.repeat(300)));
  await new Promise((resolve) => refused.on('error', resolve));
  raw.socket.send('x'.repeat(2000));
  assert.equal((await raw.closed).code, 1009);
  relay.child.kill('SIGTERM');
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
  assert.doesNotMatch(relay.stderr(), /string to/);
});

test("uWS's names of topics are eight ASCII bytes, each once", () => {
  const keys = new TopicKeys();
  const taken = new Set<string>();
  for (let i = 0; i < 10_000; i++) {
    const key = Buffer.from(keys.take()).toString('latin1');
    assert.match(key, /^[\w-]{8}$/);
    assert.ok(!taken.has(key), key);
    taken.add(key);
  }
});

test('passing bytes are those of the text, whatever it is and however long', () => {
  for (const text of ['', 'grüße', '😀€'.repeat(5000), 'x'.repeat(30_000), '\ud800 alone', '日'.repeat(21_845)]) {
    assert.deepEqual(Buffer.from(passingUtf8(text)), Buffer.from(utf8(text)));
  }
});

test('the reason of a close fits its frame, cut between characters', () => {
  assert.equal(Buffer.from(closeReason('tschüß')).toString(), 'tschüß');
  for (const text of ['x'.repeat(500), 'ü'.repeat(100), '€'.repeat(100), '😀'.repeat(50)]) {
    const reason = closeReason(text);
    assert.ok(reason.length <= 123 && reason.length > 119, String(reason.length));
    assert.ok(text.startsWith(new TextDecoder('utf-8', { fatal: true }).decode(reason)));
  }
});

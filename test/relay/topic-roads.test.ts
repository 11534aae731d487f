// A topic's name on every road there is: a raw path, the publish API's path and batch, fanwire.v1, NATS, the admin
// port, the commands. Each road means the same topic by the same name, or refuses it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WebSocket } from 'ws';
import { subjectToken } from '../../src/bus/subject.js';
import { parseUrl, topicOf } from '../../src/cli/connect.js';
import { startAdmin } from '../../src/http/admin/admin.js';
import { checkTopicName } from '../../src/protocol/topic-name.js';
import { LocalInspection } from '../../src/relay/watch/inspection.js';
import { configWith } from '../support/config-with.js';
import { EnvelopedClient } from '../support/enveloped-client.js';
import { startLocalRelay } from '../support/local-relay.js';
import { SocketClient } from '../support/socket-client.js';

/** Names that have gone wrong somewhere, and any others. */
const names = fc.oneof(
  fc.constantFrom(
    '.',
    '..',
    '...',
    'a/..',
    'a/../b',
    './a',
    '/',
    '//x',
    'a//b',
    'a/',
    '%',
    '%2e',
    '%2F',
    '+',
    'a+b',
    'a b',
    ' ',
  ),
  fc.constantFrom(
    'a?b',
    'a#b',
    'a&b=c',
    'a\\b',
    'räume',
    'e\u0301',
    'é',
    '日本',
    '😀',
    '*',
    '>',
    'a.b',
    'a.*',
    '$SYS',
    'lobby',
    '',
  ),
  fc.constantFrom(
    'a\0b',
    'a\nb',
    '\x7f',
    '\ud800',
    'x'.repeat(200),
    'x'.repeat(201),
    'ü'.repeat(100),
    'ü'.repeat(101),
    '\ufffd',
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom('.', '/', '%', '2', 'e', 'F', 'a', '\\', '+', '#', '?', ' '),
    minLength: 1,
    maxLength: 6,
  }),
);

test('a name is one topic on every road, or is refused on each', { timeout: 120_000 }, async (t) => {
  const { relay, url, http } = await startLocalRelay(t, { maxTopicsPerConnection: 0 });
  const config = configWith({ adminPort: 0 });
  const { pino } = await import('pino');
  const admin = await startAdmin(config, new LocalInspection(relay, config), pino({ level: 'silent' }));
  t.after(() => admin.close());
  const v1 = await EnvelopedClient.open(t, relay.port);
  let nth = 0;

  const post = async (path: string, body: string): Promise<number> => {
    const response = await fetch(http + path, { method: 'POST', body, headers: { 'content-type': 'text/plain' } });
    const answer = (await response.json()) as { accepted?: number };
    return answer.accepted === 0 ? 400 : response.status;
  };

  await fc.assert(
    fc.asyncProperty(names, async (name) => {
      const mayBe = checkTopicName(name) === undefined;
      const isUtf8 = Buffer.from(name).toString() === name;
      const path = isUtf8 ? encodeURIComponent(name) : undefined;
      const subscribed = await v1.ask({ op: 'sub', topic: name });
      assert.equal(subscribed.op, mayBe ? 'ok' : 'error');
      if (!mayBe) {
        assert.equal((await v1.ask({ op: 'pub', topic: name, data: 1 })).op, 'error');
        assert.equal(await post('/publish', `${JSON.stringify({ topic: name, data: 1 })}\n`), 400);
        if (path === undefined) return;
        assert.equal(await post(`/publish/${path}`, 'x').then((status) => status >= 400), true);
        await assert.rejects(SocketClient.open(t, `${url}/${path}`));
        // The path as URLs have it: `.` leaves as nothing.
        await assert.rejects(SocketClient.open(t, new URL(`${url}/${path}`).href));
        return;
      }
      const raw = await SocketClient.open(t, `${url}/${path}`);
      const marks = [0, 1, 2, 3].map(() => `mark ${nth++}`);
      const [byPath = '', byBatch = '', byV1 = '', byRaw = ''] = marks;
      assert.equal(await post(`/publish/${path}`, byPath), 202);
      assert.equal(await post('/publish', `${JSON.stringify({ topic: name, data: byBatch })}\n`), 202);
      v1.say({ op: 'pub', topic: name, data: byV1 });
      await raw.count(3);
      assert.deepEqual(
        raw.received.map(({ payload }) => payload.toString()),
        [byPath, byBatch, byV1],
      );
      raw.socket.send(byRaw);
      await v1.until((heard) => heard.find((op) => op.op === 'msg' && op.data === byRaw && op.topic === name));
      const asked = `http://127.0.0.1:${admin.port}/connections?topic=${path}`;
      const { connections } = (await (await fetch(asked)).json()) as { connections: unknown[] };
      assert.equal(connections.length, 2, 'the admin port finds both');
      assert.equal(topicOf(parseUrl(`${url}/${path}`)), name);
      assert.match(subjectToken(name), /^[!-~]+$/);
      assert.equal(decodeURIComponent(subjectToken(name)), name);
      raw.socket.close();
      await v1.ask({ op: 'unsub', topic: name });
    }),
    { numRuns: 150 },
  );
});

test('the commands refuse a URL whose topic would be lost on the way', () => {
  for (const path of ['.', '..', 'a/..', 'a/../b', './a', '%2e%2e/a', 'a\\b', 'a#b']) {
    assert.throws(() => parseUrl(`ws://127.0.0.1:1/${path}`), { code: 'FANWIRE_USAGE_URL' }, path);
  }
  for (const path of ['a', 'a%2F..%2Fb', '/', '//x', '...', 'a?token=../x']) parseUrl(`ws://127.0.0.1:1/${path}`);
});

test('a + in a query is a +: in tokens, users and topics', { timeout: 60_000 }, async (t) => {
  const { relay, url } = await startLocalRelay(t);
  const config = configWith({ adminPort: 0, adminToken: 'ab+cd/ef0123456789==' });
  const { pino } = await import('pino');
  const admin = await startAdmin(config, new LocalInspection(relay, config), pino({ level: 'silent' }));
  t.after(() => admin.close());
  const socket = new WebSocket(`${url}/a+b`);
  await new Promise((resolve) => socket.once('open', resolve));
  for (const topic of ['a+b', 'a%2Bb']) {
    const asked = `http://127.0.0.1:${admin.port}/connections?topic=${topic}&token=ab+cd/ef0123456789==`;
    const found = (await (await fetch(asked)).json()) as { connections: unknown[] };
    assert.equal(found.connections.length, 1, topic);
  }
  socket.close();
});

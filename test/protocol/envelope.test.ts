// The envelope: what a client says survives the trip to both audiences, and hostile text gets an error, never a throw.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ClientOp, MAX_DATA_DEPTH, parseClientOp } from '../../src/protocol/envelope.js';
import { binaryBody, errorFrame, msgFrame, msgHead, okFrame, textBody } from '../../src/protocol/frames.js';
import type { InvalidOp } from '../../src/protocol/ops.js';
import { bodyPayload, readParcel, writeParcel } from '../../src/protocol/parcel.js';
import { checkTopicName } from '../../src/protocol/topic-name.js';

const topicName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter((name) => !checkTopicName(name));
const opId = fc.option(fc.oneof(fc.string({ maxLength: 64 }), fc.maxSafeInteger()), { nil: undefined });
const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

function published(text: string): Extract<ClientOp, { op: 'pub' }> {
  const op = parseClientOp(text);
  assert.equal(op.op, 'pub', JSON.stringify(op).slice(0, 200));
  return op as Extract<ClientOp, { op: 'pub' }>;
}

function refused(text: string): InvalidOp {
  const op = parseClientOp(text);
  assert.equal(op.op, 'invalid', text.slice(0, 200));
  return op as InvalidOp;
}

test('any JSON that is published reaches enveloped subscribers as it was, with topic, seq and sender', () => {
  const from = fc.option(fc.string(), { nil: undefined });
  fc.assert(
    fc.property(topicName, fc.json(), opId, fc.nat(), from, space, (topic, json, id, seq, sender, gap) => {
      const text = `${gap}{${gap}"topic"${gap}:${JSON.stringify(topic)},"data"${gap}:${gap}${json}${gap},"op":"pub"${
        id === undefined ? '' : `,"id":${JSON.stringify(id)}`
      }${gap}}${gap}`;
      const op = published(text);
      assert.equal(op.topic, topic);
      assert.deepEqual(op.id, id);
      assert.equal(op.payload.body, json.trim());
      const msg = JSON.parse(msgFrame(msgHead(topic), op.payload.body, seq, sender));
      const expected: Record<string, unknown> = { op: 'msg', topic, data: JSON.parse(json) };
      if (seq !== 0) expected.seq = seq;
      if (sender !== undefined) expected.from = sender;
      assert.deepEqual(msg, expected);
    }),
  );
});

test('raw subscribers get a string as itself, other JSON as its text, base64 as bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.json(), fc.uint8Array(), (string, json, bytes) => {
      assert.equal(published(JSON.stringify({ op: 'pub', topic: 't', data: string })).payload.raw, string);
      const value = JSON.parse(json);
      if (typeof value !== 'string') {
        assert.equal(published(`{"op":"pub","topic":"t","data":${json}}`).payload.raw, json.trim());
      }
      const data = Buffer.from(bytes).toString('base64');
      const { payload } = published(JSON.stringify({ op: 'pub', topic: 't', data, encoding: 'base64' }));
      assert.deepEqual(new Uint8Array(payload.raw as Uint8Array), bytes);
    }),
  );
});

test('what raw sockets publish arrives as a string, or as base64 that says so', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.uint8Array(), (text, bytes) => {
      assert.equal(JSON.parse(msgFrame(msgHead('t'), textBody(text), 0, undefined)).data, text);
      const msg = JSON.parse(msgFrame(msgHead('t'), binaryBody(bytes), 7, 'ann'));
      assert.equal(msg.encoding, 'base64');
      assert.deepEqual(new Uint8Array(Buffer.from(msg.data, 'base64')), bytes);
      assert.deepEqual([msg.seq, msg.from], [7, 'ann']);
    }),
  );
});

test('numbers that JavaScript cannot hold and keys that repeat travel byte by byte', () => {
  const body = '{"n":12345678901234567890,"n":1e999,"z":-0.0}';
  assert.equal(published(`{"op":"pub","topic":"t","data":${body}}`).payload.body, body);
});

test('the last data counts, also when its name is written with escapes, and inner ones do not', () => {
  assert.equal(published('{"data":1,"op":"pub","topic":"t","data":2}').payload.body, '2');
  assert.equal(published('{"data":1,"op":"pub","topic":"t","d\\u0061ta":{"data":3}}').payload.body, '{"data":3}');
  assert.equal(published('{"x":{"data":9},"op":"pub","y":"\\\\\\"data\\":8","topic":"t","data":2}').payload.body, '2');
  assert.equal(refused('{"x":{"data":9},"op":"pub","topic":"t"}').code, 'FANWIRE_OP_FIELD');
});

test('any text at all gives an op or an error with a stable code, never a throw', () => {
  const nearlyOp = fc.record(
    {
      op: fc.oneof(fc.constantFrom('sub', 'unsub', 'pub', 'presence', 'auth', 'ping', '__proto__'), fc.anything()),
      topic: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
      id: fc.oneof(fc.string(), fc.jsonValue()),
      since: fc.oneof(fc.record({ epoch: fc.jsonValue(), seq: fc.jsonValue() }), fc.jsonValue()),
      data: fc.jsonValue(),
      encoding: fc.constantFrom('base64', 'gzip', null),
      token: fc.jsonValue(),
      code: fc.string(),
      message: fc.string(),
    },
    { requiredKeys: [] },
  );
  const json = nearlyOp.map((op) => JSON.stringify(op));
  const damaged = fc.tuple(json, fc.nat(), fc.string()).map(([text, at, junk]) => {
    const cut = at % (text.length + 1);
    return text.slice(0, cut) + junk + text.slice(cut + junk.length);
  });
  fc.assert(
    fc.property(fc.oneof(json, damaged, fc.json(), fc.string({ unit: 'binary' })), (text) => {
      const op = parseClientOp(text);
      if (op.op !== 'invalid') return;
      assert.match(op.code, /^FANWIRE_(OP|TOPIC)_[A-Z]+$/);
      assert.equal(JSON.parse(errorFrame(op)).code, op.code);
      assert.ok(op.message.length < 400, op.message);
    }),
    { numRuns: 2000 },
  );
});

test('each mistake is named with its code, and the answer keeps the id', () => {
  const cases: [string, string][] = [
    ['', 'FANWIRE_OP_JSON'],
    ['null', 'FANWIRE_OP_JSON'],
    ['[{"op":"ping"}]', 'FANWIRE_OP_JSON'],
    ['{"op":"sing","id":1}', 'FANWIRE_OP_UNKNOWN'],
    ['{"__proto__":{"op":"ping"}}', 'FANWIRE_OP_UNKNOWN'],
    ['{"op":"ping","id":{}}', 'FANWIRE_OP_FIELD'],
    ['{"op":"ping","id":1.5}', 'FANWIRE_OP_FIELD'],
    [`{"op":"ping","id":"${'x'.repeat(65)}"}`, 'FANWIRE_OP_FIELD'],
    ['{"op":"sub","id":1}', 'FANWIRE_OP_FIELD'],
    ['{"op":"sub","topic":"a\\nb","id":1}', 'FANWIRE_TOPIC_NAME'],
    ['{"op":"sub","topic":"t","since":{"epoch":"e"},"id":1}', 'FANWIRE_OP_FIELD'],
    ['{"op":"sub","topic":"t","since":{"epoch":"e","seq":-1},"id":1}', 'FANWIRE_OP_FIELD'],
    ['{"op":"pub","topic":"t","id":1}', 'FANWIRE_OP_FIELD'],
    ['{"op":"pub","topic":"t","data":"A","encoding":"base64","id":1}', 'FANWIRE_OP_FIELD'],
    ['{"op":"pub","topic":"t","data":"QQ=","encoding":"base64","id":1}', 'FANWIRE_OP_FIELD'],
    ['{"op":"pub","topic":"t","data":"QR==","encoding":"base64","id":1}', 'FANWIRE_OP_FIELD'],
    ['{"op":"auth","token":"","id":1}', 'FANWIRE_OP_FIELD'],
  ];
  for (const [text, code] of cases) {
    const error = refused(text);
    assert.equal(error.code, code, text);
    if (text.includes('"id":1}')) assert.equal(error.id, 1, text);
  }
});

test('an op as deep or as large as a frame can be is refused or carried without a stack overflow', () => {
  const deep = (depth: number) => `{"op":"pub","topic":"t","data":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  assert.equal(published(deep(MAX_DATA_DEPTH)).payload.body.length, 2 * MAX_DATA_DEPTH);
  assert.equal(refused(deep(MAX_DATA_DEPTH + 1)).code, 'FANWIRE_OP_DEPTH');
  assert.equal(refused(deep(1_000_000)).code, 'FANWIRE_OP_DEPTH');
  assert.equal(refused('['.repeat(4_000_000)).code, 'FANWIRE_OP_JSON');
  assert.equal(refused(`{"op":${'{"a":'.repeat(500_000)}1${'}'.repeat(500_000)}}`).code, 'FANWIRE_OP_UNKNOWN');
  const base64 = published(`{"op":"pub","topic":"t","data":"${'QUJD'.repeat(4_000_000)}","encoding":"base64"}`);
  assert.equal(base64.payload.raw.length, 12_000_000);
  const quotes = '\\"'.repeat(2_000_000);
  assert.equal(published(`{"op":"pub","topic":"t","data":"${quotes}"}`).payload.raw.length, 2_000_000);
  const slashes = `${'\\\\'.repeat(2_000_000)}\\"`;
  assert.equal(published(`{"op":"pub","topic":"t","data":"${slashes}"}`).payload.raw.length, 2_000_001);
});

test('the answer to a sub tells the position and what became of recovery', () => {
  const position = { epoch: 'e"1', seq: 12 };
  assert.deepEqual(JSON.parse(okFrame('a"', { topic: 'ü"', position, recovery: { replayed: 3 } })), {
    op: 'ok',
    id: 'a"',
    topic: 'ü"',
    epoch: 'e"1',
    seq: 12,
    recovered: true,
    replayed: 3,
  });
  assert.deepEqual(
    JSON.parse(okFrame(undefined, { recovery: { reason: 'too-old' }, members: [{ id: '1' }], count: 1 })),
    {
      op: 'ok',
      recovered: false,
      reason: 'too-old',
      members: [{ id: '1' }],
      count: 1,
    },
  );
});

test('what crosses to another relay gives both audiences there what they get here', () => {
  const from = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
  const binary = fc.uint8Array().map((bytes) => ({ data: Buffer.from(bytes).toString('base64'), encoding: 'base64' }));
  const json = fc.oneof(fc.jsonValue(), fc.constant('",\\"encoding\\":\\"base64\\"')).map((data) => ({ data }));
  fc.assert(
    fc.property(fc.oneof(binary, json), from, from, (fields, user, key) => {
      const { payload } = published(JSON.stringify({ op: 'pub', topic: 't', ...fields }));
      const arrived = readParcel(writeParcel(payload.body, user, key));
      assert.deepEqual([arrived.from, arrived.key], [user, key]);
      assert.deepEqual(bodyPayload(arrived.body), payload);
    }),
  );
});

test('a key that has no UTF-8 is refused: beyond this thread it would be another one', () => {
  const pub = (key: string) => parseClientOp(JSON.stringify({ op: 'pub', topic: 't', data: 1, key }));
  for (const key of ['\ud800', 'a\udfffb']) assert.equal((pub(key) as { code?: string }).code, 'FANWIRE_OP_FIELD');
  assert.equal(pub('\ud83d\ude00').op, 'pub');
});

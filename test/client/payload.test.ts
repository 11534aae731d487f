// What a client publishes is what arrives: bytes of every kind as bytes, JSON as it was, and the rest refused with a
// reason.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { fromBase64, toBase64 } from '../../src/client/base64.js';
import { pubText } from '../../src/client/payload.js';

const opOf = (data: unknown): { data: unknown; encoding?: string } => JSON.parse(pubText('t', data));

test('base64 is that of everybody else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'));
      assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
    }),
  );
});

test('every view of an ArrayBuffer is bytes, whole or in part, of this realm or another', () => {
  const bytes = [1, 2, 3, 4, 5, 6, 7, 8];
  const { buffer } = Uint8Array.from(bytes);
  const all: unknown[] = [
    ...[buffer, new DataView(buffer), new Uint16Array(buffer), new Float64Array(buffer), Buffer.from(bytes)],
    ...[new Uint8ClampedArray(bytes), runInNewContext('new Uint8Array([1,2,3,4,5,6,7,8])')],
    runInNewContext('new Uint8Array([1,2,3,4,5,6,7,8]).buffer'),
  ];
  for (const each of all) {
    const { data, encoding } = opOf(each);
    assert.deepEqual([[...fromBase64(data as string)], encoding], [bytes, 'base64']);
  }
  assert.deepEqual([...fromBase64(opOf(new Uint16Array(buffer, 2, 2)).data as string)], [3, 4, 5, 6]);
  assert.equal(opOf(new SharedArrayBuffer(2)).encoding, 'base64');
});

test('JSON arrives as it was', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(opOf(value).data, JSON.parse(JSON.stringify(value)));
    }),
  );
  assert.deepEqual(opOf({ at: new Date(0), left: undefined }).data, { at: '1970-01-01T00:00:00.000Z' });
});

test('what JSON would change without a word is refused, at any depth, and named', () => {
  const circular: { self?: unknown } = {};
  circular.self = circular;
  const refused: unknown[] = [
    ...[new Map(), new Set([1]), Promise.resolve(5), new Error('boom'), undefined, () => 1, Symbol('x'), 5n],
    ...[Number.NaN, Number.POSITIVE_INFINITY, /x/, new Blob([]), new URLSearchParams('a=1'), circular],
    new WeakMap(),
  ];
  for (const each of refused) {
    for (const data of [each, [each], { deep: [{ each }] }]) {
      if (each === undefined && data !== each && !Array.isArray(data)) continue; // a field that is left out
      assert.throws(() => pubText('t', data), { code: 'FANWIRE_CLIENT_DATA' });
    }
  }
  assert.throws(() => pubText('t', { bytes: new Uint8Array(2) }), /Uint8Array: bytes/);
});

// The key of a message is the same whether its publisher names it or it stands before the separator, in any script.
// Bytes that are no text are told apart all the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { keyReader } from '../../src/config/deliver-key.js';
import type { DeliverRule } from '../../src/config/deliver-rules.js';
import { parseDeliverRules } from '../../src/config/deliver-rules.js';
import { isKey } from '../../src/protocol/envelope.js';

const readerFor = (separator: string) =>
  keyReader(parseDeliverRules(`t=1s,latest-by-key:${separator}`)[0] as DeliverRule);

for (const separator of [',', '::', '§', '→|', '=😀=']) {
  test(`a key before "${separator}" is the key that a publisher can name`, () => {
    const keyOf = readerFor(separator);
    const key = fc.oneof(fc.string({ unit: 'grapheme', minLength: 1 }), fc.constantFrom('é', '\ufffd', '\0', 'ключ'));
    fc.assert(
      fc.property(key, fc.string({ unit: 'grapheme' }), (named, rest) => {
        // The separator may begin within a key that ends as it does.
        fc.pre(isKey(named) && `${named}${separator}`.indexOf(separator) === named.length);
        const text = `${named}${separator}${rest}`;
        assert.equal(keyOf({ key: undefined, raw: text }), named);
        assert.equal(keyOf({ key: undefined, raw: Buffer.from(text) }), named);
        assert.equal(keyOf({ key: named, raw: text }), named);
      }),
    );
  });
}

test('keys of any bytes are told apart', () => {
  const keyOf = readerFor(',');
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 6 }).filter((each) => !each.includes(0x2c));
  const keyOfBytes = (each: Uint8Array): string =>
    keyOf({ key: undefined, raw: Buffer.concat([each, Buffer.from(',1')]) });
  fc.assert(
    fc.property(bytes, bytes, (one, other) => {
      assert.equal(keyOfBytes(one) === keyOfBytes(other), Buffer.compare(one, other) === 0);
    }),
  );
  assert.notEqual(keyOfBytes(Buffer.from([0xc3])), keyOfBytes(Buffer.from('Ã')));
  assert.equal(keyOfBytes(Buffer.alloc(201, 'x')), '', 'too long for a key');
});

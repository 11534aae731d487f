// The suggestion for a name that does not exist.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { editDistance, nearest } from '../../src/base/nearest.js';

test('one typing mistake is a distance of one, a swap of neighbours included', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 2 }),
      fc.nat(),
      fc.constantFrom('insert', 'delete', 'swap'),
      (word, at, kind) => {
        const i = at % (word.length - 1);
        const [before, a, b, after] = [word.slice(0, i), word[i], word[i + 1], word.slice(i + 2)];
        const typed = {
          insert: `${before}${a}\u0000${b}${after}`,
          delete: `${before}${b}${after}`,
          swap: `${before}${b}${a}${after}`,
        };
        const expected = kind === 'swap' && a === b ? 0 : 1;
        assert.equal(editDistance(word, typed[kind]), expected);
      },
    ),
  );
});

test('distance is a metric: zero only for the same word, the same both ways, and at most the longer length', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      const distance = editDistance(a, b);
      assert.equal(distance === 0, a === b);
      assert.equal(distance, editDistance(b, a));
      assert.ok(distance <= Math.max(a.length, b.length) && distance >= Math.abs(a.length - b.length));
    }),
  );
});

test('the nearest name is found by a slip or by its beginning, and nothing is suggested for a stranger', () => {
  const keys = ['port', 'maxPayloadBytes', 'maxConnections', 'idleTimeoutS'];
  assert.equal(nearest('prot', keys), 'port');
  assert.equal(nearest('maxPayload', keys), 'maxPayloadBytes');
  assert.equal(nearest('idle_timeout_s', keys), 'idleTimeoutS');
  assert.equal(nearest('colour', keys), undefined);
});

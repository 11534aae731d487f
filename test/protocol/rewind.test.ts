// What of the past a subscriber may ask for: every value is read as it is meant, or refused, and none throws.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseClientOp } from '../../src/protocol/envelope.js';
import { keptBody, rawOfKept, withoutId } from '../../src/protocol/publish-id.js';
import { readRewind } from '../../src/protocol/rewind.js';

test('numbers, times, last and all are read, as text as well', () => {
  assert.deepEqual([0, 10, 1_000_000, '10', 'last', 'all', '1ms', '30s', '5m', '2h', '7d'].map(readRewind), [
    ...[0, 10, 1_000_000, 10, 'last', 'all'],
    ...[1, 30_000, 300_000, 7_200_000, 7 * 86_400_000].map((withinMs) => ({ withinMs })),
  ]);
});

// An option may also be "1.5s" or "1m30s": the wire is narrower, since clients in other languages would have to follow.
test('a time of the wire is a whole number with one unit in small letters', () => {
  const wider = ['1.5s', '1m30s', '30S', '1us', ' 30s', '30s ', '.5s', '1w', '0s', '8d', '1234567890123ms', '1e3'];
  assert.deepEqual(
    wider.filter((text) => readRewind(text) !== undefined),
    [],
  );
});

test('everything else is none, and a sub with it is refused with the field’s name', () => {
  const wild = fc.oneof(fc.anything(), fc.string(), fc.double(), fc.stringMatching(/^\d{0,14}[a-z]{0,3}$/));
  fc.assert(
    fc.property(wild, (value) => {
      const rewind = readRewind(value);
      if (typeof rewind === 'number') assert.ok(rewind >= 0 && rewind <= 1_000_000 && Number.isInteger(rewind));
      else if (typeof rewind === 'object') assert.ok(rewind.withinMs >= 1 && rewind.withinMs <= 7 * 86_400_000);
      else assert.ok(rewind === undefined || rewind === value);
      let text: string | undefined;
      try {
        text = JSON.stringify({ op: 'sub', topic: 't', rewind: value });
      } catch {
        return; // no JSON says it
      }
      const said = JSON.parse(text) as { rewind?: unknown };
      const op = parseClientOp(text);
      if (said.rewind === undefined || readRewind(said.rewind) !== undefined) assert.equal(op.op, 'sub');
      else assert.ok(op.op === 'invalid' && op.code === 'FANWIRE_OP_FIELD' && /"rewind" is/.test(op.message));
    }),
    { numRuns: 2000 },
  );
});

test('a kept body gives back what was published, whatever it is and whatever its id', () => {
  const body = fc.oneof(
    fc.json(),
    fc.string().map((text) => JSON.stringify(`${text},"pid":"x"`)),
  );
  const pid = fc.option(fc.string({ minLength: 1, maxLength: 64, unit: 'binary' }), { nil: undefined });
  fc.assert(
    fc.property(body, pid, (published, id) => {
      const kept = keptBody(published, id);
      assert.equal(withoutId(kept), published);
      const { raw } = rawOfKept(kept);
      assert.equal(raw, published.startsWith('"') ? JSON.parse(published) : published);
    }),
    { numRuns: 2000 },
  );
});

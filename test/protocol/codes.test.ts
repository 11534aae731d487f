// What refusals advise: a client gives up for good on one that advises nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused } from '../../src/protocol/codes.js';

test("what is the relay's own trouble is never final, but for a message that may have been published", () => {
  const final = Object.values(Refused).filter((refusal) => refusal.status >= 500 && !('retryAfterS' in refusal));
  assert.deepEqual(
    final.map(({ code }) => code),
    ['FANWIRE_UNCONFIRMED', 'FANWIRE_BODY_TRANSFER'],
  );
});

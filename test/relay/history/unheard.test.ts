// What raw subscribers of a state are sent after a break: all that the new copy has and they have not heard, in turns,
// and nothing that is older than what they have heard meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MemoryHistory } from '../../../src/relay/history/memory.js';
import { ReplicaHistory } from '../../../src/relay/history/replica.js';
import { sendUnheard } from '../../../src/relay/history/unheard.js';

const EPOCH = 'e';
const KEYS = 200;

/** A copy of a state comes, whose first key has the number `first`. */
function copyTo(replica: ReplicaHistory, ask: number, first: number, bodyOf: (key: number) => string): void {
  replica.asked(ask, 0);
  replica.begin(ask, EPOCH, 0);
  for (let key = 0; key < KEYS; key++) {
    const seq = first + key;
    replica.add({ seq, after: key === 0 ? 0 : seq - 1, body: bodyOf(key), from: undefined, key: String(key) });
  }
  replica.end(first + KEYS - 1, first + KEYS - 1);
}

test('after a break what has not been heard is sent, in turns, but for what was heard meanwhile or is newer by then', async () => {
  const rule = { pattern: '*', maxMessages: 1000, ttlMs: 60_000, maxBytes: 1 << 24, isState: true };
  const keeping = {
    stateMaxBytes: 1 << 24,
    newestBy: () => (message: { key: string | undefined }) => message.key ?? '',
    evicted() {},
  };
  const replica = new ReplicaHistory('t', new MemoryHistory([rule], 0, () => 0, keeping), () => {});
  copyTo(replica, 1, 1, () => '"old"');
  assert.equal(replica.takeUnheard().length, 0, 'nobody was there before the first copy');
  replica.doubt();
  const live = { epoch: EPOCH, after: 0, from: undefined };
  replica.follow({ ...live, seq: KEYS + 3, body: '"new"', key: '2' }); // it was delivered
  copyTo(replica, 2, KEYS + 1, (key) => (key % 2 === 0 ? '"new"' : '"old"'));
  const sent: string[] = [];
  sendUnheard(
    replica,
    () => true,
    ({ key }) => sent.push(String(key)),
  );
  assert.ok(sent.length > 0 && sent.length < KEYS / 2, `${sent.length} in the first turn`);
  const last = String(KEYS - 2);
  replica.follow({ ...live, seq: 2 * KEYS + 1, after: 2 * KEYS, body: '"newest"', key: last });
  for (let turns = 0; turns < 10; turns++) await turn();
  const even = Array.from({ length: KEYS / 2 }, (_, n) => String(2 * n));
  assert.deepEqual(
    sent,
    even.filter((key) => key !== '2' && key !== last),
  );
});

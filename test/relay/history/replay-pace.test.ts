// When replays have their next turn: at once where nobody else is served, beside live messages after a rest that has a
// floor and a ceiling.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReplayPace } from '../../../src/relay/history/replay-pace.js';

test('beside live messages replays have a third of the time, within bounds, and all of it when those have ended', () => {
  let delivered = 0;
  const pace = new ReplayPace(() => delivered);
  assert.equal(pace.restMs(0, 1), 0);
  delivered++;
  assert.equal(pace.restMs(5, 1.2), 2);
  assert.equal(pace.restMs(10, 0.1), 1, 'a floor, so that the loop is polled');
  assert.equal(pace.restMs(15, 500), 10, 'a ceiling: a machine that stopped does not stop the replays');
  assert.equal(pace.restMs(24.9, 3), 6);
  assert.equal(pace.restMs(25, 1), 0, '20 ms after the last live message');
});

test('whatever is delivered and however long turns take, the next turn comes within 10 ms', () => {
  const turn = fc.record({ delivered: fc.nat(3), spentMs: fc.double({ min: 0, max: 1e6, noNaN: true }) });
  fc.assert(
    fc.property(fc.array(turn), (turns) => {
      let delivered = 0;
      let nowMs = 0;
      const pace = new ReplayPace(() => delivered);
      for (const { delivered: more, spentMs } of turns) {
        delivered += more;
        nowMs += spentMs;
        const restMs = pace.restMs(nowMs, spentMs);
        assert.ok(restMs >= (more > 0 ? 1 : 0) && restMs <= 10 && Number.isInteger(restMs), `${restMs}`);
      }
    }),
  );
});

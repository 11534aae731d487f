// Whatever a stranger writes into a comparison, it is refused in one line or becomes a comment and an entry.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { renderComment } from '../../../../bench/compare/comment/body.js';
import { comparisonOfStranger } from '../../../../bench/compare/comment/stranger.js';
import { entryOf } from '../../../../bench/history/entry.js';
import { FanwireError } from '../../../../src/base/error.js';
import { sampleComparison } from '../../../support/sample-comparison.js';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Undecided and decided, several scenarios, a second session, a profile: every part that there is. */
const WHOLE = JSON.stringify({
  ...sampleComparison(1.8, { scenarios: ['fan-out', 'burst'], pairs: 10 }),
  confirmation: {
    pairs: 20,
    elapsedS: 9,
    isConfirmed: true,
    metrics: [{ scenario: 'burst', name: 'cpu', label: 'CPU', moreIsBetter: false, ratio: 1.2, isConfirmed: true }],
  },
  why: { differences: ['Node v20 against v22'], functions: [{ name: 'publish', baseNs: 10, headNs: 20 }] },
});

/** Where something stands, as a walk from the top: at each step the nth of what is there. */
const walk = fc.array(fc.nat(40), { minLength: 1, maxLength: 6 });
const wild: fc.Arbitrary<Json | undefined> = fc.oneof(
  fc.constantFrom<(Json | undefined)[]>(undefined, null, -1, 0, 1e308, '', '@all <img src=x>', [], {}, [[]], [null]),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
);

/** Puts `value` where the walk ends; undefined takes away what is there. */
function change(top: Json, steps: readonly number[], value: Json | undefined): void {
  let here = top;
  for (const [i, step] of steps.entries()) {
    if (typeof here !== 'object' || here === null) return;
    const keys = Object.keys(here);
    const key = keys[step % Math.max(1, keys.length)];
    if (key === undefined) return;
    const inside = here as { [key: string]: Json };
    const next = inside[key] as Json;
    if (i < steps.length - 1 && typeof next === 'object' && next !== null) here = next;
    else {
      if (value === undefined) delete inside[key];
      else inside[key] = value;
      return;
    }
  }
}

test('a changed comparison is refused in one line, or is shown', () => {
  let shown = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(walk, wild), { minLength: 1, maxLength: 3 }), (changes) => {
      const value = JSON.parse(WHOLE) as Json;
      for (const [steps, what] of changes) change(value, steps, what);
      let comparison: ReturnType<typeof comparisonOfStranger>;
      try {
        comparison = comparisonOfStranger(value, 'a.json');
      } catch (error) {
        assert.ok(error instanceof FanwireError && !error.message.includes('\n'), String(error));
        return;
      }
      shown++;
      const body = renderComment(comparison, { key: 'k', runUrl: undefined, isForeign: true });
      assert.ok(body.length <= 65_536);
      assert.doesNotMatch(body, /<img|(^|\s)@all/);
      entryOf(comparison);
    }),
    { numRuns: 1000 },
  );
  assert.ok(shown > 50, `${shown} of 1000 were shown`);
});

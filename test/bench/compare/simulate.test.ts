// The stated error, by simulation of the procedure itself: a small version of `npm run calibrate -- --simulate`.
import assert from 'node:assert/strict';
import test from 'node:test';
import { lowerBound, upperBound } from '../../../bench/compare/binomial.js';
import { mulberry32 } from '../../../bench/compare/interval.js';
import { errorRates, NOISES, simulateComparison } from '../../../bench/compare/simulate.js';

const TRIALS = 400;

for (const noise of NOISES) {
  test(`with ${noise} pairs no verdict errs more often than it says, and 15 % over a budget of 5 % is caught`, () => {
    const setting = { noise, budget: 0.05, spread: 0.03, alpha: 0.05, pairs: 40 };
    const rates = errorRates(setting, TRIALS, mulberry32(11));
    // The true rate is below the stated one when even the lower end of what was seen is.
    for (const wrong of [rates.atNoEffect, rates.atBorder, rates.overlooked]) {
      assert.ok(lowerBound(wrong, TRIALS) <= setting.alpha, `${wrong} of ${TRIALS}`);
    }
    assert.ok(rates.atBorder < TRIALS * 0.05, `${rates.atBorder} of ${TRIALS} at the border`);
    const [small, , , , , large] = rates.caught;
    assert.ok(large !== undefined && large.regressed > TRIALS * 0.95, `${large?.regressed} of ${TRIALS}`);
    assert.ok(small !== undefined && small.regressed <= TRIALS * 0.01, `${small?.regressed} of ${TRIALS} at +2 %`);
  });
}

test('a rule that errs is caught by the simulation: with an alpha of 50 % a tenth of the borders is called', () => {
  const gates = Array.from({ length: 5 }, () => ({ budget: 0.05, moreIsBetter: false, effect: 1.05 }));
  const random = mulberry32(3);
  const called = Array.from({ length: TRIALS }, () =>
    simulateComparison({ gates, noise: 'normal', spread: 0.03, alpha: 0.5, pairs: 40 }, random),
  ).filter(({ verdict }) => verdict === 'regressed').length;
  assert.ok(called > TRIALS * 0.1, `${called} of ${TRIALS}`);
});

test('bounds of a rate agree with the printed tables (Clopper and Pearson 1934)', () => {
  assert.ok(Math.abs(upperBound(0, 50) - 0.0711) < 1e-3);
  assert.ok(Math.abs(upperBound(5, 100) - 0.1128) < 1e-3);
  assert.ok(Math.abs(lowerBound(5, 100) - 0.0164) < 1e-3);
  assert.deepEqual([lowerBound(0, 10), upperBound(10, 10)], [0, 1]);
});

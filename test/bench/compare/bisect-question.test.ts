// What a bisection asks of each commit, from the comparison of the two ends.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { bisectQuestion, stepFlags } from '../../../bench/compare/bisect-question.js';
import { parseBudgets } from '../../../bench/compare/budget.js';
import type { MetricName } from '../../../bench/compare/metrics.js';
import { temporaryFolder } from '../../support/constructed-repository.js';
import { sampleComparison } from '../../support/sample-comparison.js';

const questionOf = (slowness: number, gates: readonly MetricName[]) =>
  bisectQuestion(sampleComparison(slowness, { gates, spread: 0.003, scenarios: ['burst', 'churn'] }));

test('the border between good and bad is half of the change, or the budget where that is less', () => {
  const small = questionOf(1.07, ['cpu']);
  assert.ok(small !== undefined && Math.abs(small.budget - (Math.sqrt(1.07) - 1)) < 0.003, `${small?.budget}`);
  assert.match(small.text, /^server CPU per million deliveries in burst tells .*half of that, less than the budget/);
  assert.equal(questionOf(1.3, ['cpu'])?.budget, 0.05);
  // What there should be more of: 9 % more work is 8.3 % less throughput, half of which is 4.2 %.
  const less = questionOf(1.09, ['throughput']);
  assert.ok(less !== undefined && Math.abs(less.budget - (1 - 1 / Math.sqrt(1.09))) < 0.003, `${less?.budget}`);
});

test('a step is asked for the one metric that tells the ends apart, in the scenario that saw it', (t) => {
  const question = questionOf(1.3, ['p99', 'cpu']);
  assert.equal(question?.scenario, 'burst');
  const place = temporaryFolder(t);
  const file = join(place, 'compare.json');
  writeFileSync(file, JSON.stringify({ maxMinutes: 9, scenarios: ['churn', { scenario: 'burst', capacity: 5 }] }));
  const flags = stepFlags(question, 0.002, ['--budget', 'p99:+5%', '--suite', file], place);
  assert.equal(flags.filter((word) => word === '--budget').length, 1);
  assert.deepEqual(Object.keys(parseBudgets(flags.at(-1) as string)), [question?.metric]);
  assert.deepEqual(flags.slice(0, 2), ['--alpha', '0.002000']);
  const suite = JSON.parse(readFileSync(flags[flags.indexOf('--suite') + 1] as string, 'utf8'));
  assert.deepEqual(suite, { maxMinutes: 9, scenarios: [{ scenario: 'burst', capacity: 5 }] });
});

test('where the bad commit loses messages, each step is judged as it was', (t) => {
  const question = bisectQuestion(sampleComparison(1, { lost: 5 }));
  assert.equal(question, undefined);
  assert.deepEqual(stepFlags(question, 0.005, ['--suite', 'default'], temporaryFolder(t)), ['--alpha', '0.005000']);
});

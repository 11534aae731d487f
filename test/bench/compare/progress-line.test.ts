// The line that a comparison shows while it plays: in place on a terminal, now and then in a log.
import assert from 'node:assert/strict';
import test from 'node:test';
import { DEFAULT_BUDGETS } from '../../../bench/compare/budget.js';
import { countReasons } from '../../../bench/compare/patience.js';
import { ProgressLine } from '../../../bench/compare/progress-line.js';
import { ServerFaults } from '../../../bench/compare/server-faults.js';
import type { PlayedScenario } from '../../../bench/compare/session.js';
import { PLAN_DEFAULTS } from '../../../bench/scenarios/scenario.js';
import { sampleResult } from '../../support/sample-result.js';

// Whatever this runs in.
process.env.TERM = 'xterm';

function stream(isTTY: boolean): { readonly stream: NodeJS.WriteStream; readonly written: string[] } {
  const written: string[] = [];
  const fake = { isTTY, columns: 200, write: (text: string) => written.push(text) };
  return { stream: fake as unknown as NodeJS.WriteStream, written };
}

/** Pairs whose head costs `ratios` times the base's CPU. */
function played(ratios: readonly number[]): PlayedScenario {
  const run = (cpuPerMillion: number) => ({
    result: sampleResult(),
    capacity: { deliveries: 1, deliveriesPerSecond: 1, cpuPerMillion, instructionsPerDelivery: null },
  });
  return {
    setup: {
      name: 'fan-out',
      plan: PLAN_DEFAULTS,
      capacityMs: 400,
      countsInstructions: false,
      isLoadNamed: true,
      isOpenLoopJudged: true,
      budgets: DEFAULT_BUDGETS,
      gates: ['cpu'],
    },
    pairs: ratios.map((ratio) => ({ base: run(1), head: run(ratio) })),
    discarded: [],
    faults: new ServerFaults(),
    verdicts: ['inconclusive'],
    elapsedMs: ratios.length * 5000,
  };
}

const LATE = 'the generator was the bottleneck: it sent messages 7 ms late (p99), which is all there is';

test('on a terminal it is one line in place: pair, side, change, time left, what was thrown away and why', () => {
  const { stream: tty, written } = stream(true);
  const line = new ProgressLine(tty, false, 0.01, 60_000, undefined);
  const four = played([1.01, 1.03, 1.0, 1.02]);
  line.played(four, [four], 38_000);
  line.thrownAway(LATE);
  line.thrownAway(LATE);
  line.playing({ scenario: 'fan-out', pair: 5, side: 'head' });
  assert.match(line.line(), /^pair 5 · head · cpu \+1\.5 % ± \d(\.\d)? · 38 s left · 2 thrown away: generator late$/);
  assert.ok(written.every((text) => text.startsWith('\r\x1b[K') && !text.includes('\n')));
  line.end();
  assert.equal(written.at(-1), '\r\x1b[K');
});

test('once it is known how long a verdict takes, that is the time left, and the limit is not', () => {
  const line = new ProgressLine(stream(true).stream, true, 0.01, 3_600_000, undefined);
  const many = played(Array.from({ length: 12 }, (_, i) => 1 + 0.002 * (i % 3)));
  line.playing({ scenario: 'fan-out', pair: 13, side: 'base' });
  line.played(many, [many], 3_600_000);
  const left = Number(/ (\d+) s left/.exec(line.line())?.[1]);
  assert.ok(left > 0 && left < 300, `${left} s`);
  assert.match(line.line(), /^fan-out pair 13 · base/);
});

test('with a fixed number of pairs it counts those; a log gets a line, not one a pair', () => {
  const { stream: log, written } = stream(false);
  const line = new ProgressLine(log, false, 0.01, 60_000, 20);
  for (let pair = 1; pair <= 6; pair++) {
    line.playing({ scenario: 'fan-out', pair, side: 'base' });
    const some = played(Array(pair).fill(1.01));
    line.played(some, [some], 60_000);
  }
  assert.equal(written.length, 1);
  assert.match(written[0] as string, /^compare: pair 1 of 20 · base · cpu \+1\.0 %\n$/);
});

test('a terminal that cannot write over a line is given those of a log', (t) => {
  t.after(() => (process.env.TERM = 'xterm'));
  process.env.TERM = 'dumb';
  const { stream: dumb, written } = stream(true);
  const line = new ProgressLine(dumb, false, 0.01, 60_000, 20);
  line.playing({ scenario: 'fan-out', pair: 1, side: 'base' });
  const some = played([1.01]);
  line.played(some, [some], 60_000);
  line.say('built');
  line.end();
  assert.deepEqual(written, ['compare: pair 1 of 20 · base · cpu +1.0 %\n', 'compare: built\n']);
});

test('reasons are grouped, the most frequent first', () => {
  const busy = 'other processes used 1.7 cores meanwhile, and the server waited for a core 86 % of the time';
  assert.equal(
    countReasons([busy, LATE, LATE, 'no such thing']),
    'generator late (2), machine busy (1), no such thing (1)',
  );
});

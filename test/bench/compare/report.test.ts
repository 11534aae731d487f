// What people and machines read of a comparison, from one made up of known pairs.
import assert from 'node:assert/strict';
import test from 'node:test';
import { exitCodeOf } from '../../../bench/compare/command.js';
import { toBencher, toBenchmarkAction, toCsv } from '../../../bench/compare/exports.js';
import { axisFor } from '../../../bench/compare/interval-plot.js';
import { msTicks } from '../../../bench/compare/latency-spread.js';
import { mendOfUndecided } from '../../../bench/compare/mend.js';
import { renderComparisonHtml } from '../../../bench/compare/report-html.js';
import { renderAnnotations, renderJunit, renderMarkdown, renderTerminal } from '../../../bench/compare/report-text.js';
import { entryOf } from '../../../bench/history/entry.js';
import { sampleComparison } from '../../support/sample-comparison.js';

test('a head that costs 80 % more has regressed, and every report says so first', () => {
  const worse = sampleComparison(1.8);
  assert.equal(worse.verdict, 'regressed');
  assert.equal(exitCodeOf(worse, false), 1);
  assert.match(renderMarkdown(worse), /^### ❌ Regressed: feature is worse than main\n\n- latency p99 \+\d/);
  assert.match(renderTerminal(worse), /^Regressed/);
  assert.match(renderAnnotations(worse)[0] as string, /^::error title=[^:]*::Regressed: [^\n]*%0A[^\n]*%25/);
  const junit = renderJunit(worse);
  assert.equal(junit.match(/<failure /g)?.length, 2);
  assert.match(junit, /failures="2"/);
  assert.match(renderComparisonHtml(worse), />head<\/b> feature[\s\S]*<h2>Regressed: head is worse than base<\/h2>/);
});

test('the same build twice is unchanged, a faster one improved, and neither fails a build', () => {
  const same = sampleComparison(1);
  assert.equal(same.verdict, 'unchanged');
  const faster = sampleComparison(0.6);
  assert.equal(faster.verdict, 'improved');
  for (const one of [same, faster]) {
    assert.equal(exitCodeOf(one, true), 0);
    assert.match(renderAnnotations(one)[0] as string, /^::notice/);
    assert.doesNotMatch(renderJunit(one), /<failure|<skipped/);
  }
});

test('a head that loses messages where the base loses none has regressed, however fast it is', () => {
  const lossy = sampleComparison(0.6, { lost: 3 });
  assert.equal(lossy.verdict, 'regressed');
  assert.match(renderMarkdown(lossy), /- messages lost or duplicated: 54 by head, 0 by base/);
  assert.match(renderJunit(lossy), /name="deliveries"><failure/);
});

test('every report says what the comparison could have seen, and how often it errs', () => {
  const same = sampleComparison(1);
  const texts = [renderMarkdown(same), renderTerminal(same), renderJunit(same), renderComparisonHtml(same)];
  for (const text of [...texts, renderAnnotations(same).join().replaceAll('%25', '%')]) {
    assert.match(text, /Would have caught with 90 % probability: p99 \+7\d\.\d %, cpu \+5\.\d %/);
  }
  for (const text of texts) assert.match(text, /wrong at most 1 % of the time/);
});

test('what is undecided says for how long, or that no time will tell', () => {
  const few = sampleComparison(1, { pairs: 6 });
  assert.equal(few.verdict, 'inconclusive');
  assert.match(renderTerminal(few), /^Inconclusive: .* about \d+ s more would tell \(--max-minutes \d+\)/);
  assert.match(renderMarkdown(few), /inconclusive, decided in about \d+ s more/);
  const border = sampleComparison(1.048, { gates: ['cpu'] });
  assert.equal(border.verdict, 'inconclusive');
  assert.match(renderTerminal(border), /another budget for cpu or a quieter machine would tell, more time hardly/);
});

test('what is decided beside what is open is named, with the budget that asks for it alone', () => {
  const one = sampleComparison(1.048, { gates: ['p99', 'cpu'] });
  assert.match(
    renderTerminal(one),
    /^Inconclusive in cpu: feature against main, no worse in p99; .* more time hardly; --budget p99:\+75% asks for/,
  );
  const asked = { args: ['compare', '--base', 'main'], plan: undefined, maxMinutes: 5 };
  assert.equal(mendOfUndecided(one, asked), 'npx fanwire compare --base main --budget p99:+75%');
  const two = sampleComparison(1.048, { gates: ['p99', 'cpu'], scenarios: ['fan-out', 'burst'] });
  assert.match(renderTerminal(two), /^Inconclusive in 2 of 4 metrics: feature against main, no worse in the others; /);
});

test('of many reasons the page shows the first, and folds the others', () => {
  const page = renderComparisonHtml(
    sampleComparison(1.8, { gates: ['p50', 'p99', 'cpu'], scenarios: ['a', 'b', 'c', 'd'] }),
  );
  assert.match(page, /<ul>(<li>[^<]*<\/li>){6}<\/ul><details><summary>6 more<\/summary><ul>(<li>[^<]*<\/li>){6}<\/ul>/);
});

test('one pair is "1 pair" in every report', () => {
  const one = sampleComparison(1, { pairs: 1, scenarios: ['fan-out', 'burst'], gates: ['cpu'] });
  const alone = sampleComparison(1, { pairs: 1 });
  assert.match(renderTerminal(alone), /\n1 interleaved pair in 60 s/);
  assert.match(renderTerminal(one), /\nfan-out \(inconclusive, 1 pair\) /);
  const page = renderComparisonHtml(alone);
  assert.match(page, /scenario fan-out, 1 pair<[\s\S]*budget \+5 %, 1 pair"/);
  for (const text of [renderMarkdown(alone), renderTerminal(one), page]) assert.doesNotMatch(text, /\b1 (\w+ )?pairs/);
});

test('a verdict that is decided before there is an interval is not said to have too few pairs', () => {
  const early = sampleComparison(1.8, { pairs: 10, gates: ['cpu'] });
  const [cpu] = early.scenarios[0]?.metrics.filter(({ isGate }) => isGate) ?? [];
  assert.deepEqual([cpu?.verdict, cpu?.interval], ['regressed', null]);
  for (const text of [renderMarkdown(early), renderTerminal(early), renderComparisonHtml(early)]) {
    assert.match(text, /\(enough pairs for a verdict, too few for an interval\)/);
  }
  const undecided = sampleComparison(1.8, { pairs: 6, gates: ['cpu'] });
  assert.match(renderTerminal(undecided), /\(too few pairs for an interval\), budget \+5 %: inconclusive/);
});

test('what is undecided is not a pass in strict mode, and a comparison of nothing is exit code 3', () => {
  const undecided = { ...sampleComparison(1), verdict: 'inconclusive' as const };
  assert.deepEqual([exitCodeOf(undecided, false), exitCodeOf(undecided, true)], [0, 3]);
  const nothing = undecided.scenarios.map((scenario) => ({ ...scenario, results: null }));
  assert.equal(exitCodeOf({ ...undecided, scenarios: nothing }, false), 3);
});

test('several scenarios have one verdict, and each reason names its own', () => {
  const suite = sampleComparison(1.8, { scenarios: ['fan-out', 'burst'], gates: ['cpu'] });
  assert.equal(suite.verdict, 'regressed');
  const markdown = renderMarkdown(suite);
  assert.match(markdown, /- burst: server CPU per million deliveries \+8\d\.\d %/);
  assert.match(markdown, /#### ❌ fan-out\n[^#]*#### ❌ burst\n/);
  assert.match(renderJunit(suite), /classname="fanwire\.compare\.burst"/);
});

test('a small regression that the second session did not see fails nothing, and says so', () => {
  const metric = { scenario: 'fan-out', name: 'cpu', label: 'server CPU', moreIsBetter: false } as const;
  const refuted = {
    pairs: 20,
    elapsedS: 60,
    isConfirmed: false,
    metrics: [{ ...metric, ratio: 1.04, isConfirmed: false }],
  };
  const once = sampleComparison(1.08, { gates: ['cpu'], confirmation: refuted });
  assert.equal(once.verdict, 'inconclusive');
  assert.equal(exitCodeOf(once, false), 0);
  assert.match(renderTerminal(once), /^Inconclusive: a second session did not confirm/);
  assert.match(once.reasons[0] as string, /not confirmed by a second session of 20 pairs.*server CPU \+4\.0 %/);
  assert.doesNotMatch(renderJunit(once), /<failure/);
  const failed = { ...refuted, pairs: 0, metrics: [], failed: 'the machine was too busy' };
  const unplayed = sampleComparison(1.08, { gates: ['cpu'], confirmation: failed });
  assert.equal(unplayed.verdict, 'inconclusive');
  assert.match(unplayed.reasons[0] as string, /the second session could not be played: the machine was too busy/);
  const confirmed = sampleComparison(1.08, { gates: ['cpu'], confirmation: { ...refuted, isConfirmed: true } });
  assert.equal(confirmed.verdict, 'regressed');
});

test('a hostile branch name stays text in every report', () => {
  const hostile = sampleComparison(1.4, { head: '</h2><script>alert(1)</script>|`%0A::error::' });
  assert.doesNotMatch(renderComparisonHtml(hostile), /<script>alert/);
  assert.doesNotMatch(renderJunit(hostile), /<script>/);
  assert.equal(renderAnnotations(hostile).join('\n').split('\n').length, 1);
  assert.doesNotMatch(renderMarkdown(hostile), /<script>/);
});

test('staleness is in every report and export where messages have keys, and nowhere else', () => {
  const stale = sampleComparison(1.5, { gates: ['staleness'], isKeyed: true });
  assert.equal(stale.verdict, 'regressed');
  for (const text of [renderMarkdown(stale), renderTerminal(stale), renderJunit(stale), renderComparisonHtml(stale)])
    assert.match(text, /staleness p99/);
  assert.match(renderComparisonHtml(stale), /Staleness by percentile \(open loop\)/);
  assert.match(toBencher(stale), /"staleness":/);
  assert.match(toBenchmarkAction(stale), /"fan-out: staleness p99"/);
  assert.match(toCsv(stale), /fan-out,staleness,ms,open loop/);
  assert.ok(entryOf(stale)?.points.some(({ metric, isGate }) => metric === 'staleness' && isGate));
  const [scenario] = stale.scenarios;
  const { base } = scenario?.results ?? {};
  assert.equal(base?.staleness?.conflated, 18 * 8000, 'of all runs, as other counts are');
  const usual = sampleComparison(1.5);
  for (const text of [renderMarkdown(usual), renderTerminal(usual), renderComparisonHtml(usual), toBencher(usual)])
    assert.doesNotMatch(text, /staleness/i);
});

test('labels of an axis of changes do not overlap, on a phone neither, and what is far out has its place', () => {
  for (const ratio of [1, 1.02, 0.9, 1.6, 6.6, 40, 0.02]) {
    const metrics = sampleComparison(ratio).scenarios.flatMap((one) => one.metrics);
    const { at, ticks } = axisFor(metrics);
    const gaps = (shown: typeof ticks): number[] => {
      const places = shown.map((tick) => at(tick.ratio)).sort((a, b) => a - b);
      return places.slice(1).map((place, i) => place - (places[i] as number));
    };
    assert.ok(ticks.length >= 5 && ticks.some(({ text }) => text === '0'), `${ratio}: ${ticks.length}`);
    assert.ok(Math.min(...gaps(ticks)) >= 6.5, `${ratio}: ${gaps(ticks)}`);
    assert.ok(Math.min(...gaps(ticks.filter(({ isMinor }) => !isMinor))) >= 14, `${ratio}`);
    const places = [1, ratio, ratio ** 0.9].map(at);
    assert.ok(
      places.every((place) => place > 1 && place < 99),
      `${ratio}: ${places}`,
    );
  }
});

test('an axis of milliseconds has at least two ticks and at most eight, however narrow or wide it is', () => {
  for (let low = 0.003; low < 2_000; low *= 1.7) {
    for (const width of [1.3, 1.5, 2, 3, 10, 100, 1e4]) {
      const ticks = msTicks(low, low * width);
      assert.ok(ticks.length >= 2 && ticks.length <= 8, `${low} … ${low * width}: ${ticks}`);
      assert.ok(ticks.every((tick) => tick >= low * 0.999 && tick <= low * width * 1.001));
    }
  }
});

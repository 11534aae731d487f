// A comparison as text: Markdown for the pull request, lines for the terminal, JUnit, and GitHub's annotations.

import { countOf, formatBytes, formatMs, formatRate } from '../../src/base/page/format.js';
import { escapeXml } from '../report/junit.js';
import { escapeMarkdown, tableLines } from '../report/markdown.js';
import type { Verdict } from './budget.js';
import {
  budgetText,
  type Comparison,
  catchText,
  couldSee,
  decidedIn,
  describeOutcome,
  duration,
  gatesOfAll,
  type MetricOutcome,
  percent,
  type ScenarioOutcome,
  tellsSpread,
} from './comparison.js';
import { countReasons } from './patience.js';
import { whyLines } from './why/flame-graph.js';

export const MARK: Readonly<Record<Verdict, string>> = {
  regressed: '❌',
  improved: '🚀',
  unchanged: '✅',
  'not worse': '✅',
  inconclusive: '❔',
};

/** The verdict in a few words. */
export function headline(comparison: Comparison): string {
  const { verdict, base, head, confirmation } = comparison;
  if (verdict === 'regressed') return `Regressed: ${head} is worse than ${base}`;
  if (verdict === 'improved') return `Improved: ${head} is better than ${base}`;
  if (verdict === 'unchanged') return `Unchanged: ${head} is as good as ${base}, within the budgets`;
  if (verdict === 'not worse') return `Not worse: ${head} is no worse than ${base}, within the budgets`;
  if (confirmation !== null) return `Inconclusive: a second session did not confirm that ${head} is worse than ${base}`;
  const rest = decidedText(comparison);
  if (rest === undefined) return `Inconclusive: ${head} against ${base}; ${whatWouldTell(comparison)}`;
  return `Inconclusive in ${rest.open}: ${head} against ${base}, ${rest.decided}; ${whatWouldTell(comparison)}`;
}

/** What is decided beside what is open: none of it is worse. Undefined where nothing is. */
function decidedText(comparison: Comparison): { readonly open: string; readonly decided: string } | undefined {
  const gates = gatesOfAll(comparison).map(({ gate }) => gate);
  const open = gates.filter(({ verdict }) => verdict === 'inconclusive').map(({ name }) => name);
  const decided = gates.filter(({ verdict }) => verdict !== 'inconclusive').map(({ name }) => name);
  if (open.length === 0 || decided.length === 0) return undefined;
  if (comparison.scenarios.length > 1) {
    return { open: `${open.length} of ${countOf(gates.length, 'metric')}`, decided: 'no worse in the others' };
  }
  return { open: open.join(', '), decided: `no worse in ${decided.join(', ')}` };
}

/** The --budget that asks for what can be decided here, where some of one scenario cannot in any time. */
export function decidableBudgets(comparison: Comparison): string | undefined {
  const gates = gatesOfAll(comparison).map(({ gate }) => gate);
  const decided = gates.filter(({ verdict }) => verdict !== 'inconclusive');
  const isNever = gates.some(
    (gate) => gate.verdict === 'inconclusive' && gate.decidedInS === null && tellsSpread(gate),
  );
  if (comparison.scenarios.length > 1 || decided.length === 0 || !isNever) return undefined;
  return decided.map(({ name, budget }) => `${name}:+${Number((budget * 100).toFixed(2))}%`).join();
}

/** What would decide an undecided comparison. */
function whatWouldTell(comparison: Comparison): string {
  const missing = comparison.scenarios.filter(({ results }) => results === null).map(({ name }) => name);
  if (missing.length > 0) return `${missing.join(', ')} could not be measured`;
  const open = gatesOfAll(comparison).filter(({ gate }) => gate.verdict === 'inconclusive');
  if (open.some(({ gate }) => !tellsSpread(gate))) return 'more pairs would tell';
  const never = open.filter(({ gate }) => gate.decidedInS === null).map(({ gate }) => gate.name);
  if (open.length === 0 || never.length > 0) {
    const which = never.length === 0 ? 'another budget' : `another budget for ${[...new Set(never)].join(' and ')}`;
    const alone = decidableBudgets(comparison);
    const wayOut = alone === undefined ? '' : `; --budget ${alone} asks for the others alone`;
    return `${which} or a quieter machine would tell, more time hardly${wayOut}`;
  }
  return `about ${duration(furtherSeconds(open))} more would tell (--max-minutes ${minutesToTell(comparison)})`;
}

function furtherSeconds(open: ReturnType<typeof gatesOfAll>): number {
  return Math.max(...open.map(({ gate }) => gate.decidedInS ?? 0));
}

/** The --max-minutes that should decide what is open; undefined where that is not known. */
export function minutesToTell(comparison: Comparison): number | undefined {
  const open = gatesOfAll(comparison).filter(({ gate }) => gate.verdict === 'inconclusive');
  if (open.length === 0 || open.some(({ gate }) => gate.decidedInS === null || !tellsSpread(gate))) return undefined;
  return Math.ceil((comparison.elapsedS + furtherSeconds(open) * comparison.scenarios.length) / 60) + 1;
}

const WHERE = 'Where the CPU of a delivery went, by profiles of further pairs';

export function renderMarkdown(comparison: Comparison): string {
  const lines = [`### ${MARK[comparison.verdict]} ${escapeMarkdown(headline(comparison))}`, ''];
  for (const reason of comparison.reasons) lines.push(`- ${escapeMarkdown(reason)}`);
  for (const scenario of comparison.scenarios) {
    const rows = scenario.metrics.filter(measured);
    if (rows.length === 0) continue;
    lines.push('');
    if (comparison.scenarios.length > 1)
      lines.push(`#### ${MARK[scenario.verdict]} ${escapeMarkdown(scenario.name)}`, '');
    lines.push(...tableLines(header(comparison), rows.map(row)));
  }
  if (comparison.why !== undefined) {
    lines.push('', `${WHERE}:`, '', ...whyLines(comparison.why).map((line) => `- ${escapeMarkdown(line)}`));
  }
  lines.push('', `<sub>${escapeMarkdown(footnoteText(comparison))}</sub>`);
  return `${lines.join('\n')}\n`;
}

/** As Markdown's table, for a terminal. */
export function renderTerminal(comparison: Comparison): string {
  const lines = [headline(comparison), ...comparison.reasons.map((reason) => `  ${reason}`)];
  for (const scenario of comparison.scenarios) {
    const rows = scenario.metrics.filter(measured);
    if (rows.length === 0) continue;
    const title =
      comparison.scenarios.length > 1
        ? `${scenario.name} (${scenario.verdict}, ${countOf(scenario.pairs, 'pair')})`
        : '';
    lines.push('', ...aligned([[title, ...header(comparison).slice(1)], ...rows.map(row)]));
  }
  const { why } = comparison;
  if (why !== undefined) lines.push('', `${WHERE}:`, ...whyLines(why).map((line) => `  ${line}`));
  return [...lines, '', footnoteText(comparison), ''].join('\n');
}

function aligned(rows: readonly string[][]): string[] {
  const widths = (rows[0] as string[]).map((_, i) => Math.max(...rows.map((cells) => (cells[i] as string).length)));
  return rows.map((cells) =>
    cells
      .map((cell, i) => (i === 0 || i > 5 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
      .join('  ')
      .trimEnd(),
  );
}

/** One `<testcase>` a metric; a regressed gate is a failure, an undecided one is skipped. */
export function renderJunit(comparison: Comparison): string {
  const several = comparison.scenarios.length > 1;
  const cases = comparison.scenarios.flatMap((scenario) =>
    scenario.metrics.filter(measured).map((metric) => junitCase(scenario, metric, several, isFinal(comparison))),
  );
  const failures = cases.filter((one) => one.includes('<failure')).length;
  const lost = comparison.verdict === 'regressed' && failures === 0;
  if (lost) {
    const reason = escapeXml(comparison.reasons[0] ?? 'regressed');
    cases.push(`    <testcase classname="fanwire.compare" name="deliveries"><failure message="${reason}"/></testcase>`);
  }
  const name = escapeXml(`${comparison.head} against ${comparison.base}`);
  const attributes = `name="${name}" tests="${cases.length}" failures="${failures + (lost ? 1 : 0)}"`;
  const output = `    <system-out>${escapeXml(footnoteText(comparison))}</system-out>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="fanwire">\n  <testsuite ${attributes} time="${comparison.elapsedS}">\n${cases.join('\n')}\n${output}\n  </testsuite>\n</testsuites>\n`;
}

/** Whether a regressed gate fails the whole: not where a second session did not see it. */
function isFinal({ verdict }: Comparison): boolean {
  return verdict === 'regressed';
}

function junitCase({ name }: ScenarioOutcome, metric: MetricOutcome, several: boolean, isFinal: boolean): string {
  const text = escapeXml(describeOutcome(metric));
  const isOpen = metric.verdict === 'inconclusive' || (metric.verdict === 'regressed' && !isFinal);
  const inside =
    metric.isGate && metric.verdict === 'regressed' && isFinal
      ? `<failure message="${text}"/>`
      : metric.isGate && isOpen
        ? `<skipped message="${text}"/>`
        : `<system-out>${text}</system-out>`;
  const where = several ? `.${escapeXml(name)}` : '';
  return `    <testcase classname="fanwire.compare${where}" name="${escapeXml(metric.label)}">${inside}</testcase>`;
}

/** Workflow commands (`::error …`) that GitHub shows on the pull request. */
export function renderAnnotations(comparison: Comparison): string[] {
  const command =
    comparison.verdict === 'regressed' ? 'error' : comparison.verdict === 'inconclusive' ? 'warning' : 'notice';
  const text = [headline(comparison), ...comparison.reasons, couldSee(comparison) ?? ''].filter(Boolean).join('\n');
  const escaped = text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  return [`::${command} title=fanwire load comparison::${escaped}`];
}

export function measured(metric: MetricOutcome): boolean {
  return metric.ratio !== null;
}

function header({ alpha }: Comparison): string[] {
  return ['', 'base', 'head', 'change', `${confidenceText(alpha)} interval`, 'budget', 'would catch', ''];
}

/** "99 %" for an alpha of 0.01. */
export function confidenceText(alpha: number): string {
  return `${Number(((1 - alpha) * 100).toFixed(4))} %`;
}

function row(metric: MetricOutcome): string[] {
  const { interval, ratio } = metric;
  return [
    `${metric.label} (${metric.loop})`,
    figure(metric, metric.base),
    figure(metric, metric.head),
    ratio === null ? '' : percent(ratio),
    interval === null ? '' : `${percent(interval.low)} … ${percent(interval.high)}`,
    budgetText(metric),
    catchText(metric),
    verdictText(metric),
  ];
}

function verdictText(metric: MetricOutcome): string {
  if (!metric.isGate) return `(${metric.verdict})`;
  const when = metric.verdict === 'inconclusive' && metric.decidedInS !== null ? `, ${decidedIn(metric)}` : '';
  return `${MARK[metric.verdict]} ${metric.verdict}${when}`;
}

export function figure(metric: MetricOutcome, value: number | null): string {
  if (value === null) return '';
  if (metric.unit === 'ms') return formatMs(value);
  if (metric.unit === 'bytes') return formatBytes(value);
  if (metric.unit === '/s') return formatRate(value);
  if (metric.unit === 'instructions') return value.toFixed(0);
  return `${value.toPrecision(3)} s`;
}

/** How much was played, what was thrown away and why, what it could have seen, where. */
export function footnoteText(comparison: Comparison): string {
  const { scenarios, elapsedS, alpha } = comparison;
  const pairs = scenarios.reduce((sum, scenario) => sum + scenario.pairs, 0);
  const discarded = scenarios.flatMap((scenario) => scenario.discarded);
  const thrown = discarded.length === 0 ? '' : `, ${discarded.length} thrown away: ${countReasons(discarded)}`;
  const host = scenarios.find((scenario) => scenario.results !== null)?.results?.base.host;
  const where = host === undefined ? '' : `; ${host.cpu}, ${host.cores} cores, Node ${host.node}`;
  const what = scenarios.length > 1 ? ` of ${scenarios.length} scenarios` : '';
  const see = couldSee(comparison);
  const error = `The verdict is wrong at most ${Number((alpha * 100).toFixed(4))} % of the time.`;
  return [
    `${countOf(pairs, 'interleaved pair')}${what} in ${elapsedS} s${thrown}${where}.`,
    ...scenarios.flatMap((one) => (one.scaled === undefined ? [] : [`${one.name} ${one.scaled}.`])),
    ...(see === null ? [] : [see]),
    error,
    'Metrics in brackets do not decide.',
  ].join(' ');
}

// A comparison as text: Markdown for the pull request, lines for the terminal, JUnit, and GitHub's annotations.

import { formatBytes, formatMs, formatRate } from '../../src/base/page/format.js';
import { escapeXml } from '../report/junit.js';
import { escapeMarkdown, tableLines } from '../report/markdown.js';
import { sparkline } from '../report/sparkline.js';
import type { Verdict } from './budget.js';
import { type Comparison, describeOutcome, type MetricOutcome, percent } from './comparison.js';

const MARK: Readonly<Record<Verdict, string>> = {
  regressed: '❌',
  improved: '🚀',
  unchanged: '✅',
  inconclusive: '❔',
};
const SPARK_WIDTH = 16;

/** The verdict in a few words. */
export function headline(comparison: Comparison): string {
  const { verdict, base, head } = comparison;
  if (verdict === 'regressed') return `Regressed: ${head} is worse than ${base}`;
  if (verdict === 'improved') return `Improved: ${head} is better than ${base}`;
  if (verdict === 'unchanged') return `Unchanged: ${head} is as good as ${base}, within the budgets`;
  return `Inconclusive: ${head} against ${base}; more pairs (--max-minutes) or wider budgets would tell`;
}

export function renderMarkdown(comparison: Comparison): string {
  const lines = [`### ${MARK[comparison.verdict]} ${escapeMarkdown(headline(comparison))}`, ''];
  for (const reason of comparison.reasons) lines.push(`- ${escapeMarkdown(reason)}`);
  const header = [
    '',
    'base',
    'head',
    'change',
    `${comparison.confidence * 100} % interval`,
    'budget',
    '',
    'pair by pair',
  ];
  lines.push('', ...tableLines(header, comparison.metrics.filter(measured).map(row)), '', footnote(comparison));
  return `${lines.join('\n')}\n`;
}

/** As Markdown's table, for a terminal. */
export function renderTerminal(comparison: Comparison): string {
  const rows = [
    ['', 'base', 'head', 'change', 'interval', 'budget', '', 'pair by pair'],
    ...comparison.metrics.filter(measured).map(row),
  ];
  const widths = (rows[0] as string[]).map((_, i) => Math.max(...rows.map((cells) => (cells[i] as string).length)));
  const table = rows.map((cells) =>
    cells
      .map((cell, i) => (i === 0 || i > 5 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
      .join('  ')
      .trimEnd(),
  );
  return [
    headline(comparison),
    ...comparison.reasons.map((reason) => `  ${reason}`),
    '',
    ...table,
    '',
    footnoteText(comparison),
    '',
  ].join('\n');
}

/** One `<testcase>` a metric; a regressed gate is a failure, an undecided one is skipped. */
export function renderJunit(comparison: Comparison): string {
  const cases = comparison.metrics.filter(measured).map((metric) => {
    const name = escapeXml(metric.label);
    const text = escapeXml(describeOutcome(metric));
    const inside =
      metric.isGate && metric.verdict === 'regressed'
        ? `<failure message="${text}"/>`
        : metric.isGate && metric.verdict === 'inconclusive'
          ? `<skipped message="${text}"/>`
          : `<system-out>${text}</system-out>`;
    return `    <testcase classname="fanwire.compare" name="${name}">${inside}</testcase>`;
  });
  const failures = comparison.metrics.filter((metric) => metric.isGate && metric.verdict === 'regressed').length;
  const lost = comparison.verdict === 'regressed' && failures === 0;
  if (lost) {
    const reason = escapeXml(comparison.reasons[0] ?? 'regressed');
    cases.push(`    <testcase classname="fanwire.compare" name="deliveries"><failure message="${reason}"/></testcase>`);
  }
  const name = escapeXml(`${comparison.head} against ${comparison.base}`);
  const attributes = `name="${name}" tests="${cases.length}" failures="${failures + (lost ? 1 : 0)}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="fanwire">\n  <testsuite ${attributes} time="${comparison.elapsedS}">\n${cases.join('\n')}\n  </testsuite>\n</testsuites>\n`;
}

/** Workflow commands (`::error …`) that GitHub shows on the pull request. */
export function renderAnnotations(comparison: Comparison): string[] {
  const command =
    comparison.verdict === 'regressed' ? 'error' : comparison.verdict === 'inconclusive' ? 'warning' : 'notice';
  const text = [headline(comparison), ...comparison.reasons].join('\n');
  const escaped = text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  return [`::${command} title=fanwire load comparison::${escaped}`];
}

function measured(metric: MetricOutcome): boolean {
  return metric.interval !== null;
}

function row(metric: MetricOutcome): string[] {
  const { interval } = metric;
  const sign = metric.moreIsBetter ? '−' : '+';
  return [
    metric.label,
    figure(metric, metric.base),
    figure(metric, metric.head),
    interval === null ? '' : percent(interval.ratio),
    interval === null ? '' : `${percent(interval.low)} … ${percent(interval.high)}`,
    `${sign}${Number((metric.budget * 100).toFixed(1))} %`,
    metric.isGate ? `${MARK[metric.verdict]} ${metric.verdict}` : `(${metric.verdict})`,
    // Around 1, so that a difference of some percent can be seen.
    sparkline(
      metric.pairRatios.map((ratio) => (ratio === null ? null : Math.max(0, ratio - 0.5))),
      SPARK_WIDTH,
    ).trim(),
  ];
}

export function figure(metric: MetricOutcome, value: number | null): string {
  if (value === null) return '';
  if (metric.unit === 'ms') return formatMs(value);
  if (metric.unit === 'bytes') return formatBytes(value);
  if (metric.unit === '/s') return formatRate(value);
  if (metric.unit === 'instructions') return value.toFixed(0);
  return `${value.toPrecision(3)} s`;
}

export function footnoteText({ pairs, discarded, elapsedS, results }: Comparison): string {
  const thrown = discarded.length === 0 ? '' : `, ${discarded.length} thrown away as invalid (${discarded[0]})`;
  const host =
    results === null
      ? ''
      : `; ${results.base.host.cpu}, ${results.base.host.cores} cores, Node ${results.base.host.node}`;
  return `${pairs} interleaved pairs in ${elapsedS} s${thrown}${host}. Metrics in brackets do not decide.`;
}

function footnote(comparison: Comparison): string {
  return `<sub>${escapeMarkdown(footnoteText(comparison))}</sub>`;
}

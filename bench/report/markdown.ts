// The report as Markdown, for a CI summary or a documentation page: verdict first, one table per scenario.

import { formatCount, formatMs, formatRate } from '../../src/base/page/format.js';
import type { Result } from '../result/result.js';
import { figureRatio, figuresOf, figureText } from './figures.js';
import { groupByScenario, type ScenarioGroup } from './grouping.js';
import { describeLoad } from './load-line.js';
import { meterShare } from './meter-share.js';
import { objectiveLine } from './objective-line.js';
import { deliveryRates, wholeSeries } from './series.js';
import { sparkline } from './sparkline.js';
import { judge } from './verdict.js';

const MARK = { good: '✅', failed: '❌', invalid: '⚠️' } as const;
const SPARK_WIDTH = 24;

/** The report as GitHub-flavoured Markdown, ending in a newline. */
export function renderMarkdown(results: readonly Result[]): string {
  return `${groupByScenario(results).map(renderGroup).join('\n\n')}\n`;
}

function renderGroup(group: ScenarioGroup): string {
  const { results, labels } = group;
  const lines = [`### ${escapeMarkdown(group.scenario)}`, ''];
  results.forEach((result, i) => {
    const verdict = judge(result);
    lines.push(`- ${MARK[verdict.kind]} **${escapeMarkdown(labels[i] ?? '')}**: ${escapeMarkdown(verdict.headline)}`);
    for (const reason of verdict.reasons) lines.push(`  - ${escapeMarkdown(reason)}`);
    for (const line of [objectiveLine(result), meterShare(result)]) {
      if (line !== undefined && result.valid) lines.push(`  - ${escapeMarkdown(line)}`);
    }
  });
  const load = describeLoad(results).join(' · ');
  if (load !== '') lines.push('', load);
  lines.push('', ...table(group), ...steps(group), '', hostLine(results));
  return lines.join('\n');
}

function table({ results, labels }: ScenarioGroup): string[] {
  const first = results[0] as Result;
  const rows = figuresOf(results).map((f) => [
    `${f.group}: ${f.label}`,
    ...results.map((result) => `${figureText(f, result)} ${figureRatio(f, result, first)}`.trimEnd()),
  ]);
  const spark = (values: (result: Result) => (number | null)[]) =>
    results.map((result) => (result.valid ? sparkline(values(result), SPARK_WIDTH).trim() : ''));
  if (results.some((result) => result.series.length > 1 && result.expected > 0)) {
    rows.push(['p99 over time', ...spark((r) => wholeSeries(r).map((point) => point.p99))]);
    rows.push(['Deliveries/s over time', ...spark(deliveryRates)]);
  }
  return tableLines(['', ...labels], rows);
}

function steps({ results, labels }: ScenarioGroup): string[] {
  return results.flatMap((result, i) => {
    if (!result.steps || result.steps.length === 0 || !result.valid) return [];
    const rows = result.steps.map((step) => [
      step.label,
      step.valid ? formatMs(step.p50) : 'invalid',
      step.valid ? formatMs(step.p99) : 'invalid',
      step.valid ? formatRate(step.deliveriesPerSecond) : 'invalid',
      formatCount(step.lost),
      step.held === null ? '' : step.held ? 'held' : 'missed',
    ]);
    const header = [labels[i] ?? '', 'p50', 'p99', 'deliveries/s', 'lost', 'objective'];
    return ['', ...tableLines(header, rows)];
  });
}

/** A Markdown table: the first column left, the figures right. */
export function tableLines(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(' | ')} |`;
  const rule = `| ${header.map((_, i) => (i === 0 ? '---' : '---:')).join(' | ')} |`;
  return [line(header), rule, ...rows.map(line)];
}

function hostLine(results: readonly Result[]): string {
  const hosts = new Set(
    results.map(({ host }) => `${host.cpu}, ${host.cores} cores, Node ${host.node}, kernel ${host.kernel}`),
  );
  return [...hosts].map((host) => `<sub>${escapeMarkdown(host)}</sub>`).join('\n');
}

/** Text as text: no markup, no HTML, no link, no mention, no new table cell or line, whatever a result file holds. */
export function escapeMarkdown(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
      .replace(/[\u0000-\u001f\u007f]+/g, ' ')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/[\\`*_[\]{}|~#]/g, '\\$&')
      .replace(/(@)(?=\w)/g, '$1\u200b')
      .replace(/:\/\//g, ':\u200b//')
  );
}

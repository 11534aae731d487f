// The report for a terminal: one block per result with sparklines, and a table side by side when there are several.

import {
  formatBytes,
  formatCores,
  formatCount,
  formatMs,
  formatRate,
  formatSeconds,
  formatShare,
} from '../../src/base/page/format.js';
import type { Result } from '../result/result.js';
import { FIGURES, figureRatio, figuresOf, figureText, paramNumber } from './figures.js';
import { groupByScenario, type ScenarioGroup, targetName } from './grouping.js';
import { describeLoad } from './load-line.js';
import { meterShare } from './meter-share.js';
import { deliveryRates, hasGauge, wholeSeries } from './series.js';
import { sparkline } from './sparkline.js';
import { judge, type RunVerdict } from './verdict.js';

export interface TerminalOptions {
  /** Columns to stay within. */
  readonly width: number;
  readonly color: boolean;
}

type Paint = (style: keyof typeof SGR, text: string) => string;
const SGR = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33' } as const;
const MARK = { good: ['green', '✓'], failed: ['red', '✗'], invalid: ['yellow', '!'] } as const;
const NARROWEST = 40;
const NAME_WIDTH = 12;

/** Width and colour as the stream and the environment want them (NO_COLOR, FORCE_COLOR, a pipe: 100 columns, plain). */
export function terminalOptions(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): TerminalOptions {
  const wanted = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0';
  const refused = env.NO_COLOR !== undefined && env.NO_COLOR !== '';
  return { width: stream.columns ?? 100, color: !refused && (wanted || (stream.isTTY && env.TERM !== 'dumb')) };
}

/** The report as lines of text, ending in a newline. */
export function renderTerminal(results: readonly Result[], options: TerminalOptions): string {
  const width = Math.max(NARROWEST, options.width);
  const paint: Paint = (style, text) => (options.color ? `\x1b[${SGR[style]}m${text}\x1b[0m` : text);
  const blocks = groupByScenario(results).map((group) =>
    group.results.length === 1 ? renderOne(group, width, paint) : renderSideBySide(group, width, paint),
  );
  return `${blocks.join('\n\n')}\n`;
}

function renderOne(group: ScenarioGroup, width: number, paint: Paint): string {
  const result = group.results[0] as Result;
  const title = `${group.scenario} · ${result.engine} · ${targetName(result)}`;
  const lines = [paint('bold', fit(title, width)), ...verdictLines(judge(result), width, paint)];
  const load = describeLoad(group.results).join(' · ');
  if (load !== '') lines.push(...wrap(load, width - 2).map((line) => paint('dim', `  ${line}`)));
  lines.push('');
  const rows = result.valid ? [...serverRows(result), generatorRow(result)] : [generatorRow(result)];
  for (const row of rows) lines.push(...renderRow(row, width, paint));
  if (result.valid) lines.push(...stepLines(result, width, paint));
  return lines.join('\n');
}

interface Row {
  readonly name: string;
  readonly text: string;
  readonly spark?: readonly (number | null)[];
}

function stalenessRow({ staleness, expected }: Result): Row[] {
  if (staleness === undefined) return [];
  const { p50, p99, max, conflated } = staleness;
  const share = formatShare(conflated / Math.max(1, conflated + expected));
  const text = `p50 ${formatMs(p50)}   p99 ${formatMs(p99)}   max ${formatMs(max)}   ${share} conflated`;
  return [{ name: 'staleness', text }];
}

function serverRows(result: Result): Row[] {
  const { latencyMs, connections, server } = result;
  const series = wholeSeries(result);
  const rows: Row[] = stalenessRow(result);
  if (latencyMs.p50 !== null) {
    const tail = latencyMs.p999 === null ? '' : `   p99.9 ${formatMs(latencyMs.p999)}`;
    const text = `p50 ${formatMs(latencyMs.p50)}   p99 ${formatMs(latencyMs.p99)}${tail}   max ${formatMs(latencyMs.max)}`;
    rows.push({ name: 'latency', text, spark: series.map((point) => point.p99) });
    const share = meterShare(result);
    if (share !== undefined) rows.push({ name: '', text: share });
  }
  if (result.expected > 0) {
    const rate = `${formatRate(result.deliveriesPerSecond)}   ${formatCount(result.delivered)} of ${formatCount(result.expected)}`;
    rows.push({ name: 'deliveries', text: rate, spark: deliveryRates(result) });
  }
  const connect = connections.connectMs.p50 === null ? '' : `   in p50 ${formatMs(connections.connectMs.p50)}`;
  const slowest = connections.connectMs.p99 === null ? '' : `, p99 ${formatMs(connections.connectMs.p99)}`;
  const ramp = hasGauge(result, 'connections') ? series.map((point) => point.connections ?? null) : undefined;
  const opened = `${formatCount(connections.opened)} of ${formatCount(connections.requested)}${connect}${slowest}`;
  rows.push({ name: 'connections', text: opened, ...(ramp && { spark: ramp }) });
  const recovery = paramNumber(result, 'stormRecoveredMs');
  if (recovery !== null) rows.push({ name: 'storm', text: `all back ${formatMs(recovery)} after the cut` });
  const closed = paramNumber(result, 'stalledClosed');
  if (closed !== null) rows.push({ name: 'stalled', text: `${formatCount(closed)} closed by the server` });
  if (server) {
    const busiest = FIGURES.find((f) => f.label === 'CPU, busiest interval')?.value(result) ?? null;
    const perMillion = server.cpuPerMillionDeliveries;
    const cost = perMillion === null ? '' : `   ${formatSeconds(perMillion)} per million deliveries`;
    const cpu = series.map((point) => point.serverCpu);
    rows.push({ name: 'server CPU', text: `up to ${formatCores(busiest)}${cost}`, spark: cpu });
    const each = server.rssPerConnection === null ? '' : `   ${formatBytes(server.rssPerConnection)} a connection`;
    const rss = series.map((point) => point.serverRss);
    rows.push({ name: 'memory', text: `up to ${formatBytes(server.rssMax)}${each}`, spark: rss });
  }
  return rows;
}

function generatorRow({ generator }: Result): Row {
  const slip = generator.scheduleSlipMs.p99 === null ? '' : `   slip p99 ${formatMs(generator.scheduleSlipMs.p99)}`;
  const loop =
    generator.eventLoopDelayMs.p99 === null ? '' : `   event loop p99 ${formatMs(generator.eventLoopDelayMs.p99)}`;
  const { floorMs } = generator;
  const floor = floorMs?.p50 == null ? '' : `   floor p50 ${formatMs(floorMs.p50)}, p99 ${formatMs(floorMs.p99)}`;
  return { name: 'generator', text: `CPU ${formatShare(generator.cpu)}${slip}${loop}${floor}` };
}

/** A name, the text, and the sparkline at the right edge; on its own line where both do not fit. */
function renderRow({ name, text, spark }: Row, width: number, paint: Paint): string[] {
  const head = paint('dim', `  ${name.padEnd(NAME_WIDTH)}`);
  const room = width - 2 - NAME_WIDTH - 1;
  const sparkWidth = Math.min(24, room);
  const known = spark?.some((value) => value !== null) ?? false;
  if (!spark || !known) return wrap(text, room).map((line, i) => (i === 0 ? head + line : indent(line)));
  const line = paint('dim', sparkline(spark, sparkWidth));
  if (text.length + 2 + sparkWidth <= room) return [head + text.padEnd(room - sparkWidth) + line];
  return [...wrap(text, room).map((part, i) => (i === 0 ? head + part : indent(part))), indent(line)];
}

function indent(line: string): string {
  return ' '.repeat(2 + NAME_WIDTH) + line;
}

function stepLines(result: Result, width: number, paint: Paint): string[] {
  if (!result.steps || result.steps.length === 0) return [];
  const rows = result.steps.map((step) => [
    step.held === null ? '' : step.held ? '✓' : '✗',
    step.label,
    step.valid ? `p50 ${formatMs(step.p50)}` : 'invalid',
    step.valid ? `p99 ${formatMs(step.p99)}` : '',
    step.valid ? formatRate(step.deliveriesPerSecond) : '',
    step.lost > 0 ? `${formatCount(step.lost)} lost` : '',
  ]);
  return ['', ...columns(rows, width).map((line) => paint('dim', '  ') + line)];
}

function renderSideBySide(group: ScenarioGroup, width: number, paint: Paint): string {
  const { results, labels } = group;
  const first = results[0] as Result;
  const lines = [paint('bold', fit(`${group.scenario} · ${results.length} results`, width))];
  results.forEach((result, i) => {
    const verdict = judge(result);
    lines.push(...verdictLines({ ...verdict, headline: `${labels[i]}: ${verdict.headline}` }, width, paint));
  });
  lines.push(...wrap(describeLoad(results).join(' · '), width - 2).map((line) => paint('dim', `  ${line}`)), '');
  const rows = figuresOf(results).map((f) => [
    `${f.group} ${f.label}`,
    ...results.map((result) => `${figureText(f, result)} ${figureRatio(f, result, first)}`.trimEnd()),
  ]);
  const table = columns([['', ...labels], ...rows], width);
  const fits = table.every((line) => line.length <= width);
  if (fits) return [...lines, paint('bold', table[0] ?? ''), ...table.slice(1)].join('\n');
  const blocks = results.map((_, i) => renderOne({ ...group, results: [results[i] as Result] }, width, paint));
  return [...lines, ...blocks].join('\n');
}

function verdictLines(verdict: RunVerdict, width: number, paint: Paint): string[] {
  const [style, mark] = MARK[verdict.kind];
  const lines = wrap(`${mark} ${verdict.headline}`, width - 2).map((line) => paint(style, `  ${line}`));
  for (const reason of verdict.reasons) lines.push(...wrap(`- ${reason}`, width - 4).map((line) => `    ${line}`));
  return lines;
}

/** Rows as aligned columns, two spaces apart; the first left, the others right. */
function columns(rows: string[][], width: number): string[] {
  const clean = rows.map((row) => row.map((cell) => fit(cell, width)));
  const widths: number[] = [];
  for (const row of clean) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return clean.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(/(?<= )/)) {
    if (line !== '' && (line + word).trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += word;
  }
  lines.push(line.trimEnd());
  return lines;
}

function fit(text: string, width: number): string {
  const clean = printable(text);
  return clean.length <= width ? clean : `${clean.slice(0, width - 1)}…`;
}

/** A result file may come from anywhere: nothing in it may move the cursor, colour the screen or reorder the line. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

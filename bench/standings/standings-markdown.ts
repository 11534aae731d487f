// The standings as Markdown, ready for docs/performance.md: how it was run, a table a scenario, who was not there.

import {
  countOf,
  formatCount,
  formatMs,
  formatNumber,
  formatRatio,
  formatSeconds,
  formatShare,
} from '../../src/base/page/format.js';
import { describeLoad } from '../report/load-line.js';
import { escapeMarkdown, tableLines } from '../report/markdown.js';
import type { Result } from '../result/result.js';
import { type ServerRun, type Spread, type Standing, standings } from './standings.js';

export interface Absentee {
  readonly name: string;
  readonly reason: string;
}

/** The whole text, ending in a newline. `base` is the server that ratios refer to, `command` reproduces the figures. */
export function standingsMarkdown(
  runs: readonly ServerRun[],
  base: string,
  command: string,
  absent: readonly Absentee[],
): string {
  const results = runs.flatMap((run) => run.result ?? []);
  const scenarios = [...new Set(runs.map((run) => run.scenario))];
  const lines = [`\`${command}\``, '', ...howItWasRun(runs, results)];
  for (const scenario of scenarios) {
    const load = describeLoad(results.filter((result) => result.scenario === scenario)).join(' · ');
    lines.push('', `### ${scenario}`, '', load, '', ...table(standings(runs, scenario, base), base));
  }
  if (absent.length > 0) {
    lines.push('', 'Not measured:', '');
    for (const { name, reason } of absent) lines.push(`- ${name}: ${escapeMarkdown(reason)}`);
  }
  return `${lines.join('\n')}\n`;
}

function howItWasRun(runs: readonly ServerRun[], results: readonly Result[]): string[] {
  const host = results[0]?.host;
  const rounds = new Set(runs.map((run) => run.round)).size;
  const date = results[0]?.startedAt?.slice(0, 10) ?? '';
  const machine =
    host === undefined ? '' : `${host.cpu}, ${host.cores} cores, Node ${host.node}, kernel ${host.kernel}`;
  return [
    escapeMarkdown(`${date}, ${machine}.`),
    `${countOf(rounds, 'round')}, every other one in reverse order; each run a fresh server on a core of its own, the generator on the`,
    'others. Median (least to most) over rounds; ratios are taken within a round. Latency counts from the due time.',
  ];
}

function table(rows: readonly Standing[], base: string): string[] {
  if (rows.some(({ staleP50Ms }) => staleP50Ms !== null)) return stalenessTable(rows);
  const header = ['server', 'p50', 'p99', `p99 ÷ ${base}`, 'CPU per million', `CPU ÷ ${base}`, 'lost', 'valid'];
  const cells = rows.map((row) => [
    `${row.server} ${row.version}`.trim(),
    withSpread(row.p50Ms, formatMs),
    withSpread(row.p99Ms, formatMs),
    row.server === base ? '1' : withSpread(row.p99Ratio, (ratio) => formatRatio(ratio, 1)),
    withSpread(row.cpuPerMillionS, formatSeconds),
    row.server === base ? '1' : withSpread(row.cpuRatio, (ratio) => formatRatio(ratio, 1)),
    row.valid === 0 ? '–' : lossText(row),
    `${row.valid} of ${row.rounds}`,
  ]);
  const notes = rows.flatMap((row) => leftOut(row) ?? []);
  return [...tableLines(header, cells), ...(notes.length > 0 ? ['', ...notes] : [])];
}

/** Where messages are about keys, what a subscriber and update cost is the server's whole work, delivered or not. */
function stalenessTable(rows: readonly Standing[]): string[] {
  const header = ['server', 'staleness p50', 'staleness p99', 'conflated', 'µs CPU an update and subscriber'];
  const cells = rows.map((row) => [
    `${row.server} ${row.version}`.trim(),
    withSpread(row.staleP50Ms, formatMs),
    withSpread(row.staleP99Ms, formatMs),
    row.conflatedShare === null ? '–' : formatShare(row.conflatedShare.median),
    withSpread(row.cpuPerUpdateUs, (us) => us.toFixed(2)),
    row.valid === 0 ? '–' : lossText(row),
    `${row.valid} of ${row.rounds}`,
  ]);
  const notes = rows.flatMap((row) => leftOut(row) ?? []);
  return [...tableLines([...header, 'lost', 'valid'], cells), ...(notes.length > 0 ? ['', ...notes] : [])];
}

/** What became of the runs that are in no figure; each has reasons of its own in rounds.json. */
function leftOut({ server, valid, rounds, reasons }: Standing): string | undefined {
  const [first, ...others] = reasons;
  if (first === undefined) return undefined;
  const count = rounds - valid;
  const such = others.length > 0 ? ', for one' : '';
  return `- ${escapeMarkdown(`${server}: ${countOf(count, 'run')} left out${such}: ${first}`)}`;
}

function lossText({ lost, expected }: Standing): string {
  if (lost === 0) return '0';
  return `${formatCount(lost)} (${formatNumber((100 * lost) / expected)} %)`;
}

/** "1.26 ms (1.20–1.31)": the unit once. */
function withSpread(spread: Spread | null, format: (value: number) => string): string {
  if (spread === null) return '–';
  const bare = (value: number) => format(value).replace(/^×|\s.*$/g, '');
  const same = bare(spread.min) === bare(spread.max);
  return same ? format(spread.median) : `${format(spread.median)} (${bare(spread.min)}–${bare(spread.max)})`;
}

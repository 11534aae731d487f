// What k6 prints at the end when it is run by hand, and the JSON file for programs.

import { lighterCommand } from './lighter.ts';
import { HANDLER_LAG, INTAKE, OF_K6, REPORTS, SCHEDULE_SLIP } from './metrics.ts';
import type { Settings } from './settings.ts';

/** Statistics of a Trend that k6 computes for the summary. */
export const TREND_STATS = ['avg', 'med', 'p(50)', 'p(90)', 'p(99)', 'p(99.9)', 'p(99.99)', 'max', 'count'];

interface MetricSummary {
  readonly values: { readonly [stat: string]: number };
  readonly thresholds?: { readonly [expression: string]: { readonly ok: boolean } };
}

export interface K6Summary {
  readonly metrics: { readonly [name: string]: MetricSummary };
}

/** The files (and `stdout`) that handleSummary returns. undefined: k6 prints its own summary, in the requested mode. */
export function summarize(settings: Settings, data: K6Summary): { [file: string]: string } | undefined {
  if (settings.ownSummary && settings.summaryFile === '') {
    console.log(`\n${text(settings, data)}`);
    return undefined;
  }
  const files: { [file: string]: string } = { stdout: text(settings, data) };
  if (settings.summaryFile !== '') {
    // Without headers and queries: they hold tokens, and the file may become an artifact of a public build.
    const { headers: _secret, given: _given, urls, ...settled } = settings;
    const shown = { ...settled, urls: urls.map((url) => url.replace(/[?#].*$/s, '')) };
    files[settings.summaryFile] = `${JSON.stringify({ settings: shown, metrics: data.metrics }, null, 2)}\n`;
  }
  return files;
}

function text(settings: Settings, data: K6Summary): string {
  const value = (metric: string, stat: string) => data.metrics[metric]?.values[stat] ?? 0;
  const ms = (metric: string, stat: string) => `${value(metric, stat).toFixed(2)} ms`;
  const missed = missedThresholds(data);
  const isLate =
    value(HANDLER_LAG, 'p(99)') >= settings.maxHandlerLagMs || value(SCHEDULE_SLIP, 'p(99)') >= settings.maxSlipMs;
  const isIncomplete = missed.some(({ metric }) => OF_K6.has(metric));
  const delivered = value('fanwire_deliveries', 'count');
  const couldNot = value('fanwire_unsent', 'count');
  const unsent = couldNot === 0 ? '' : ` (${couldNot} could not be sent)`;
  const load = `${settings.rate} msg/s of ${settings.payloadBytes} B`;
  const lines = [
    `${settings.scenario}: ${settings.steady + settings.churners} subscribers, ${settings.rate === 0 ? 'nothing published' : load}, ${settings.durationS} s`,
    `  connected    ${value('fanwire_connected', 'passes')}, failed ${value('fanwire_failed', 'count')}, closed by the server ${value('fanwire_closed', 'count')}, p50 ${ms('fanwire_connecting', 'med')}, p99 ${ms('fanwire_connecting', 'p(99)')}`,
  ];
  if (settings.rate > 0) {
    lines.push(
      `  delivered    ${delivered} (${Math.round(delivered / settings.durationS)}/s) of ${value('fanwire_published', 'count')} messages${unsent}`,
      `  lost         ${Math.max(0, value('fanwire_lost', 'count'))}, duplicated ${value('fanwire_duplicated', 'count')}, out of order ${value('fanwire_out_of_order', 'count')}`,
      `  latency      p50 ${ms('fanwire_latency', 'med')}, p99 ${ms('fanwire_latency', 'p(99)')}, p99.9 ${ms('fanwire_latency', 'p(99.9)')}, max ${ms('fanwire_latency', 'max')}`,
      `  k6 itself    handler lag p99 ${ms(HANDLER_LAG, 'p(99)')}, schedule slip p99 ${ms(SCHEDULE_SLIP, 'p(99)')}`,
      `  of latency   ${ownShare('p50', 'med', 0.5, value)}, ${ownShare('p99', 'p(99)', 1, value)} can be k6's own`,
    );
  }
  for (const { metric, expression } of missed) lines.push(`  MISSED       ${metric} ${expression}`);
  if (value(REPORTS, 'count') === 0) lines.push('  NOT RUN      no VU came to its report: the log says why');
  else if (isIncomplete || (isLate && missed.length > 0)) {
    lines.push(
      "  INVALID      k6 could not keep up: these figures are its own, not the server's",
      `  TRY          ${lighterCommand(settings)}`,
    );
  } else if (isLate)
    lines.push('  REMARK       k6 was late and the objective holds all the same: latencies are upper bounds');
  return `${lines.join('\n')}\n`;
}

/** Such as "1.05 ms of the p50 (timers 0.05 ms, intake 1.00 ms)". Half of the copies of a message are read within half
 *  of the time that all of them take, hence `part`. That time is the mean over the run, because not every message is
 *  slowed by a pause. */
function ownShare(name: string, stat: string, part: number, value: (metric: string, stat: string) => number): string {
  const timers = value(SCHEDULE_SLIP, stat);
  const intake = value(INTAKE, 'avg') * part;
  const own = Math.min(timers + intake, value('fanwire_latency', stat));
  return `${own.toFixed(2)} ms of the ${name} (timers ${timers.toFixed(2)} ms, intake ${intake.toFixed(2)} ms)`;
}

function missedThresholds(data: K6Summary): { readonly metric: string; readonly expression: string }[] {
  const missed: { metric: string; expression: string }[] = [];
  for (const [metric, { thresholds = {} }] of Object.entries(data.metrics)) {
    for (const [expression, { ok }] of Object.entries(thresholds)) if (!ok) missed.push({ metric, expression });
  }
  return missed;
}

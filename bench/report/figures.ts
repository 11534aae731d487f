// The figures of a report, in the order that people read them. Every printer takes its rows from here.

import {
  formatBytes,
  formatCores,
  formatCount,
  formatMs,
  formatRate,
  formatRatio,
  formatSeconds,
  formatShare,
} from '../../src/base/page/format.js';
import type { Result } from '../result/result.js';

export interface Figure {
  readonly group: 'Latency' | 'Staleness' | 'Deliveries' | 'Connections' | 'Server' | 'Generator';
  readonly label: string;
  readonly value: (result: Result) => number | null;
  readonly format: (value: number | null) => string;
  /** Whether a ratio between two results says something. */
  readonly compares: boolean;
}

const count = (value: number | null) => (value === null ? '–' : formatCount(value));

export const FIGURES: readonly Figure[] = [
  figure('Latency', 'p50', (r) => r.latencyMs.p50, formatMs),
  figure('Latency', 'p90', (r) => r.latencyMs.p90, formatMs),
  figure('Latency', 'p99', (r) => r.latencyMs.p99, formatMs),
  figure('Latency', 'p99.9', (r) => r.latencyMs.p999, formatMs),
  figure('Latency', 'p99.99', (r) => r.latencyMs.p9999, formatMs),
  figure('Latency', 'max', (r) => r.latencyMs.max, formatMs),
  figure('Latency', 'mean', (r) => r.latencyMs.mean, formatMs),
  figure('Staleness', 'p50', (r) => r.staleness?.p50 ?? null, formatMs),
  figure('Staleness', 'p99', (r) => r.staleness?.p99 ?? null, formatMs),
  figure('Staleness', 'p99.9', (r) => r.staleness?.p999 ?? null, formatMs),
  figure('Staleness', 'max', (r) => r.staleness?.max ?? null, formatMs),
  tally('Staleness', 'conflated', (r) => r.staleness?.conflated ?? null),
  figure('Staleness', 'share of updates conflated', conflatedShare, formatShare, false),
  figure('Deliveries', 'rate', (r) => r.deliveriesPerSecond, formatRate),
  tally('Deliveries', 'published', (r) => r.published),
  tally('Deliveries', 'delivered', (r) => r.delivered),
  tally('Deliveries', 'lost', (r) => r.lost),
  tally('Deliveries', 'duplicated', (r) => r.duplicated),
  tally('Deliveries', 'out of order', (r) => r.outOfOrder),
  tally('Connections', 'opened', (r) => r.connections.opened),
  tally('Connections', 'failed', (r) => r.connections.failed),
  figure('Connections', 'connect p50', (r) => r.connections.connectMs.p50, formatMs),
  figure('Connections', 'connect p99', (r) => r.connections.connectMs.p99, formatMs),
  figure('Connections', 'all back after a storm', (r) => paramNumber(r, 'stormRecoveredMs'), formatMs),
  figure('Server', 'CPU per million deliveries', (r) => r.server?.cpuPerMillionDeliveries ?? null, formatSeconds),
  figure('Server', 'CPU per million updates', cpuPerMillionUpdates, formatSeconds),
  figure('Server', 'CPU, busiest interval', (r) => largest(r.series.map((p) => p.serverCpu)), formatCores),
  figure('Server', 'memory, largest', (r) => r.server?.rssMax ?? null, formatBytes),
  figure('Server', 'memory per connection', (r) => r.server?.rssPerConnection ?? null, formatBytes),
  own('CPU', (r) => r.generator.cpu, formatShare),
  own('schedule slip p99', (r) => r.generator.scheduleSlipMs.p99, formatMs),
  own('schedule slip max', (r) => r.generator.scheduleSlipMs.max, formatMs),
  own('event-loop delay p99', (r) => r.generator.eventLoopDelayMs.p99, formatMs),
  own('own latency p50', (r) => r.generator.floorMs?.p50 ?? null, formatMs),
  own('own latency p99', (r) => r.generator.floorMs?.p99 ?? null, formatMs),
  own('intake p50', (r) => r.generator.intakeMs?.p50 ?? null, formatMs),
  own('intake p99', (r) => r.generator.intakeMs?.p99 ?? null, formatMs),
];

/** What stands in a report for one figure of one result: an invalid run's server figures are never written out. */
export function figureText(of: Figure, result: Result): string {
  if (!result.valid && of.group !== 'Generator') return 'invalid';
  return of.format(of.value(result));
}

/** The figure as a multiple of the first result's, or '' where there is none to compare with. */
export function figureRatio(of: Figure, result: Result, first: Result): string {
  if (result === first || !of.compares || !result.valid || !first.valid) return '';
  return formatRatio(of.value(result), of.value(first));
}

/** The figures that at least one of the results has. */
export function figuresOf(results: readonly Result[]): Figure[] {
  return FIGURES.filter((f) => results.some((result) => f.value(result) !== null));
}

function figure(
  group: Figure['group'],
  label: string,
  value: Figure['value'],
  format: Figure['format'],
  compares = true,
): Figure {
  return { group, label, value, format, compares };
}

/** CPU seconds for a million updates, those that were conflated included: the figure by which a server with windows
 *  compares with one without. */
function cpuPerMillionUpdates({ staleness, expected, server }: Result): number | null {
  if (staleness === undefined || server === null) return null;
  return (server.cpuSeconds * 1e6) / Math.max(1, staleness.conflated + expected);
}

/** The share of conflated messages among all that would have been delivered one by one. */
function conflatedShare({ staleness, expected }: Result): number | null {
  return staleness === undefined ? null : staleness.conflated / Math.max(1, staleness.conflated + expected);
}

function tally(group: Figure['group'], label: string, value: Figure['value']): Figure {
  return { group, label, value, format: count, compares: false };
}

function own(label: string, value: Figure['value'], format: Figure['format']): Figure {
  return { group: 'Generator', label, value, format, compares: false };
}

function largest(values: readonly (number | null)[]): number | null {
  let most: number | null = null;
  for (const value of values) if (value !== null && (most === null || value > most)) most = value;
  return most;
}

/** A figure that only some scenarios have; an engine puts it with the parameters. null: this one has not. */
export function paramNumber(result: Result, name: string): number | null {
  const value = result.params[name];
  return typeof value === 'number' ? value : null;
}

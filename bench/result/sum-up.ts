// Combines several results into one: of runs in sequence, or of generator machines that measured one server at the
// same time.
//
// Counts are added and latency histograms merged, which is exact. For values that cannot be added (a percentile of
// connect times, a generator's own load, the p99 of an interval) the worst of all is used, which is an upper bound.

import { FanwireError } from '../../src/base/error.js';
import { decodeHistogram, mergeHistograms, summarizeLatency } from '../measure/histogram.js';
import type { Result, SeriesPoint } from './result.js';
import { publishesFor } from './validity.js';

/** Combines runs of one scenario that were played in sequence against one server. */
export function sumUpSequence(results: readonly Result[]): Result {
  const seconds = total(results, (r) => (r.deliveriesPerSecond === 0 ? 0 : r.delivered / r.deliveriesPerSecond));
  const reasons = new Set(results.flatMap(({ invalidReasons }) => invalidReasons));
  return {
    ...sumUp(results),
    deliveriesPerSecond: seconds === 0 ? 0 : Math.round(total(results, (r) => r.delivered) / seconds),
    series: oneAfterTheOther(results),
    valid: reasons.size === 0,
    invalidReasons: [...reasons],
    ...together(results),
  };
}

/** Combines what several generator machines measured of one server at the same time.
 *  @throws FanwireError FANWIRE_USAGE_REPORT_SUM when they did not play the same scenario on the same engine */
export function sumUpMachines(results: readonly Result[]): Result {
  const [first] = results as [Result];
  for (const { scenario, engine } of results) {
    if (scenario === first.scenario && engine === first.engine) continue;
    const [one, other] = [`${first.scenario} (${first.engine})`, `${scenario} (${engine})`];
    throw new FanwireError(
      'FANWIRE_USAGE_REPORT_SUM',
      `--sum adds up runs of one scenario and engine, got ${one} and ${other}`,
    );
  }
  const added = ['subscribers', 'publishers', 'topics', 'rate', 'stalledSubscribers', 'churnRate'];
  const params = Object.fromEntries(added.map((name) => [name, total(results, (r) => Number(r.params[name] ?? 0))]));
  const reasons = results.flatMap(({ invalidReasons }, i) =>
    invalidReasons.map((reason) => `machine ${i + 1}: ${reason}`),
  );
  return {
    ...sumUp(results),
    params: { ...first.params, ...params, generatorMachines: results.length },
    deliveriesPerSecond: total(results, (r) => r.deliveriesPerSecond),
    series: atTheSameTime(results),
    valid: reasons.length === 0,
    invalidReasons: reasons,
    ...together(results),
  };
}

/** Faults and remarks of all results, without duplicates. */
function together(results: readonly Result[]): Pick<Result, 'serverFaults' | 'remarks'> {
  const faults = [...new Set(results.flatMap((result) => result.serverFaults ?? []))];
  const remarks = [...new Set(results.flatMap((result) => result.remarks ?? []))];
  return { ...(faults.length > 0 && { serverFaults: faults }), ...(remarks.length > 0 && { remarks }) };
}

/** Why connections failed, over all results, most frequent first. */
function failuresOf(results: readonly Result[]): Pick<Result['connections'], 'failures'> {
  const counts = new Map<string, number>();
  for (const { reason, count } of results.flatMap(({ connections }) => connections.failures ?? [])) {
    counts.set(reason, (counts.get(reason) ?? 0) + count);
  }
  if (counts.size === 0) return {};
  return { failures: [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count) };
}

function sumUp(results: readonly Result[]): Result {
  const delivered = total(results, (r) => r.delivered);
  const published = total(results, (r) => r.published);
  const latency = summarizeLatency(mergeHistograms(results.map((r) => decodeHistogram(r.latencyMs.histogram))));
  const { phases: _ofOne, ...first } = results[0] as Result;
  return {
    ...first,
    connections: {
      requested: total(results, (r) => r.connections.requested),
      opened: total(results, (r) => r.connections.opened),
      failed: total(results, (r) => r.connections.failed),
      ...failuresOf(results),
      connectMs: {
        p50: worst(results, (r) => r.connections.connectMs.p50),
        p99: worst(results, (r) => r.connections.connectMs.p99),
        max: worst(results, (r) => r.connections.connectMs.max),
      },
    },
    published,
    expected: total(results, (r) => r.expected),
    delivered,
    lost: total(results, (r) => r.lost),
    duplicated: total(results, (r) => r.duplicated),
    outOfOrder: total(results, (r) => r.outOfOrder),
    ...(first.echoed !== undefined && { echoed: total(results, (r) => r.echoed ?? 0) }),
    latencyMs: {
      ...latency,
      p999: published < publishesFor(99.9) ? null : latency.p999,
      p9999: published < publishesFor(99.99) ? null : latency.p9999,
    },
    ...sumUpStaleness(results),
    server: sumUpServer(results, delivered),
    generator: {
      cpu: worst(results, (r) => r.generator.cpu) ?? 0,
      scheduleSlipMs: {
        p99: worst(results, (r) => r.generator.scheduleSlipMs.p99),
        max: worst(results, (r) => r.generator.scheduleSlipMs.max),
      },
      eventLoopDelayMs: { p99: worst(results, (r) => r.generator.eventLoopDelayMs.p99) },
    },
  };
}

export function sumUpStaleness(results: readonly Result[]): Pick<Result, 'staleness'> {
  const known = results.flatMap(({ staleness }) => staleness ?? []);
  if (known.length === 0) return {};
  const merged = summarizeLatency(mergeHistograms(known.map(({ histogram }) => decodeHistogram(histogram))));
  return { staleness: { ...merged, conflated: total(known, ({ conflated }) => conflated) } };
}

/** Of several machines, at most the one that the server runs on has these figures; of runs in sequence, all have them.
 *  */
function sumUpServer(results: readonly Result[], delivered: number): Result['server'] {
  const known = results.flatMap(({ server }) => server ?? []);
  const [first] = known;
  if (first === undefined) return null;
  const cpuSeconds = known.reduce((sum, server) => sum + server.cpuSeconds, 0);
  return {
    cpuSeconds,
    cpuPerMillionDeliveries: delivered === 0 ? null : Math.round((cpuSeconds * 1e9) / delivered) / 1000,
    rssMax: Math.max(...known.map(({ rssMax }) => rssMax)),
    rssPerConnection: first.rssPerConnection,
  };
}

function oneAfterTheOther(results: readonly Result[]): Result['series'] {
  let offset = 0;
  return results.flatMap(({ series }) => {
    const shifted = series.map((point) => ({ ...point, t: point.t + offset }));
    offset = shifted.at(-1)?.t ?? offset;
    return shifted;
  });
}

/** Combines points of equal t. Points that some machine lacks (the last one, when one ended a little later) are left
 *  out. */
function atTheSameTime(results: readonly Result[]): Result['series'] {
  const byTime = new Map<number, SeriesPoint[]>();
  for (const point of results.flatMap(({ series }) => series)) {
    byTime.set(point.t, [...(byTime.get(point.t) ?? []), point]);
  }
  const whole = [...byTime.entries()].filter(([, points]) => points.length === results.length);
  return whole
    .sort(([a], [b]) => a - b)
    .map(([t, points]) => ({
      t,
      deliveries: total(points, ({ deliveries }) => deliveries),
      p50: worst(points, ({ p50 }) => p50),
      p99: worst(points, ({ p99 }) => p99),
      serverCpu: worst(points, ({ serverCpu }) => serverCpu),
      serverRss: worst(points, ({ serverRss }) => serverRss),
      connections: total(points, ({ connections = 0 }) => connections),
    }));
}

function total<T>(things: readonly T[], of: (thing: T) => number): number {
  return things.reduce((sum, thing) => sum + of(thing), 0);
}

/** The largest known value; null if none is known. */
function worst<T>(things: readonly T[], of: (thing: T) => number | null): number | null {
  const known = things.map(of).filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

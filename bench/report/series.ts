// The series of a result as rates and gauges over time, for sparklines and charts alike.

import type { Result } from '../result/result.js';

/** An interval shorter than this part of the others was cut off by the run's end. */
const WHOLE = 0.9;

/** The series without a last interval that the run's end cut short: what it counted looks like a drop and is none. */
export function wholeSeries({ series, phases }: Result): Result['series'] {
  const [last, before, earlier] = [series.at(-1), series.at(-2), series.at(-3)];
  if (last === undefined || before === undefined || earlier === undefined) return series;
  const isShort = last.t - before.t < WHOLE * (before.t - earlier.t);
  // The load ended within it.
  const isHalfLoaded = phases !== undefined && before.t < phases.drain && phases.drain < last.t;
  return isShort || isHalfLoaded ? series.slice(0, -1) : series;
}

/** Deliveries per second of each interval; 0 before the first delivery. */
export function deliveryRates(result: Result): number[] {
  let before = 0;
  return wholeSeries(result).map(({ t, deliveries }) => {
    const intervalMs = t - before;
    before = t;
    return intervalMs > 0 ? (deliveries * 1000) / intervalMs : 0;
  });
}

/** Whether any interval of the series has that gauge. */
export function hasGauge(result: Result, gauge: 'p99' | 'serverCpu' | 'serverRss' | 'connections'): boolean {
  return result.series.some((point) => point[gauge] !== null && point[gauge] !== undefined);
}

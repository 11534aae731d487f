// The series of a result as rates and gauges over time, for sparklines and charts alike.

import type { Result } from '../result/result.js';

/** Deliveries per second of each interval; 0 before the first delivery. */
export function deliveryRates(result: Result): number[] {
  let before = 0;
  return result.series.map(({ t, deliveries }) => {
    const intervalMs = t - before;
    before = t;
    return intervalMs > 0 ? (deliveries * 1000) / intervalMs : 0;
  });
}

/** Whether any interval of the series has that gauge. */
export function hasGauge(result: Result, gauge: 'p99' | 'serverCpu' | 'serverRss' | 'connections'): boolean {
  return result.series.some((point) => point[gauge] !== null && point[gauge] !== undefined);
}

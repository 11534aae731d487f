// The run's own k6 metrics, and the thresholds on them: the objective's, and those that tell k6's own limits.

import { Counter, Rate, Trend } from 'k6/metrics';
import { plannedDeliveries } from './schedule.ts';
import type { Settings } from './settings.ts';
import { parseSlo, toThreshold } from './slo.ts';

/** From the instant a message was due to the instant k6 read it off the socket. */
export const latency = new Trend('fanwire_latency', true);
/** From the start of a handshake to its open event. */
export const connecting = new Trend('fanwire_connecting', true);
/** How late a message was sent: the publisher's fault, not the server's. */
export const scheduleSlip = new Trend('fanwire_schedule_slip', true);
/** From reading a frame off the socket to running its handler: how far a VU's event loop is behind (sampled). */
export const handlerLag = new Trend('fanwire_handler_lag', true);
export const connected = new Rate('fanwire_connected');
export const failed = new Counter('fanwire_failed');
export const published = new Counter('fanwire_published');
export const deliveries = new Counter('fanwire_deliveries');
export const lost = new Counter('fanwire_lost');
export const duplicated = new Counter('fanwire_duplicated');
export const outOfOrder = new Counter('fanwire_out_of_order');

/** k6 skips the thresholds of a metric without samples, so a run in which nothing arrived would pass; zeros prevent it. */
export function startCounters(): void {
  for (const counter of [failed, deliveries, lost, duplicated, outOfOrder]) counter.add(0);
}

export const HANDLER_LAG = 'fanwire_handler_lag';
export const SCHEDULE_SLIP = 'fanwire_schedule_slip';

/** Thresholds by metric. Those on handler lag and schedule slip fail a run in which k6 was the bottleneck. */
export function thresholds(settings: Settings): { [metric: string]: string[] } {
  const byMetric: { [metric: string]: string[] } = {};
  const add = (metric: string, expression: string) => {
    byMetric[metric] = [...(byMetric[metric] ?? []), expression];
  };
  const planned = { deliveries: plannedDeliveries(settings), durationS: settings.durationS };
  for (const term of parseSlo(settings.slo)) {
    const { metric, expression } = toThreshold(term, planned);
    add(metric, expression);
  }
  if (settings.rate > 0) {
    add('fanwire_deliveries', 'count>0');
    add(HANDLER_LAG, `p(99)<${settings.maxHandlerLagMs}`);
    add(SCHEDULE_SLIP, `p(99)<${settings.maxSlipMs}`);
  }
  return byMetric;
}

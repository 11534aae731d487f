// The k6 metrics of a run and the thresholds on them: those of the objective, and those that detect k6's own limits.

import { Counter, Rate, Trend } from 'k6/metrics';
import type { Bound } from './environment.ts';
import { plannedDeliveries } from './schedule.ts';
import type { Settings } from './settings.ts';
import { parseSlo, toThreshold } from './slo.ts';

/** From the time when a message was due to the time when k6 read it from the socket. */
export const latency = new Trend('fanwire_latency', true);
/** From the start of a handshake to its open event. */
export const connecting = new Trend('fanwire_connecting', true);
/** How late a message was sent: the publisher's fault, not the server's. */
export const scheduleSlip = new Trend('fanwire_schedule_slip', true);
/** From reading a frame from the socket to running its handler: how far a VU's event loop is behind (sampled). */
export const handlerLag = new Trend('fanwire_handler_lag', true);
/** How long a VU takes to handle all its copies of one message, or of a burst's messages together (sampled). */
export const intake = new Trend('fanwire_intake', true);
export const connected = new Rate('fanwire_connected');
export const failed = new Counter('fanwire_failed');
/** Open connections that the server or the network closed. */
export const closed = new Counter('fanwire_closed');
/** Messages that were due but could not be sent, because their publisher's connection was not open. */
export const unsent = new Counter('fanwire_unsent');
/** Subscribers that opened only after the measured phase had begun, and did not take part. */
export const late = new Counter('fanwire_late');
/** VUs that have reported; the figures of any other VU are missing. */
export const reports = new Counter('fanwire_reports');
export const published = new Counter('fanwire_published');
export const deliveries = new Counter('fanwire_deliveries');
export const lost = new Counter('fanwire_lost');
export const duplicated = new Counter('fanwire_duplicated');
export const outOfOrder = new Counter('fanwire_out_of_order');

/** Adds a zero to each counter. k6 skips the thresholds of a metric without samples, so a run in which nothing arrived
 *  would pass. */
export function startCounters(): void {
  for (const counter of [failed, closed, unsent, late, reports, deliveries, lost, duplicated, outOfOrder])
    counter.add(0);
}

export const HANDLER_LAG = 'fanwire_handler_lag';
export const SCHEDULE_SLIP = 'fanwire_schedule_slip';
export const INTAKE = 'fanwire_intake';

export const REPORTS = 'fanwire_reports';
/** If a threshold of these metrics is crossed, k6 was too slow, not the server. */
export const OF_K6: ReadonlySet<string> = new Set([HANDLER_LAG, SCHEDULE_SLIP, REPORTS, 'fanwire_late']);

export interface Thresholds {
  [metric: string]: string[];
}

/** Thresholds by metric. Three kinds: those of the objective; those that fail a run in which connections failed or
 *  messages were lost, which settings can relax; and those that fail a run in which k6 was the bottleneck. `vus` is how
 *  many should report. */
export function thresholds(settings: Settings, vus: number): Thresholds {
  const byMetric: Thresholds = {};
  const add = (metric: string, expression: string) => {
    byMetric[metric] = [...(byMetric[metric] ?? []), expression];
  };
  const planned = { deliveries: plannedDeliveries(settings), durationS: settings.durationS };
  for (const term of parseSlo(settings.slo)) {
    const { metric, expression } = toThreshold(term, planned);
    add(metric, expression);
  }
  const connections = settings.steady + settings.churners + settings.publishers;
  const atMost = (metric: string, { value, isShare }: Bound, whole: number) => {
    if (value !== Infinity) add(metric, `count<=${isShare ? (value / 100) * whole : value}`);
  };
  atMost('fanwire_failed', settings.maxFailed, connections);
  atMost('fanwire_closed', settings.maxClosed, connections);
  add('fanwire_connected', connectedAtLeast(settings.minConnected, connections));
  add(REPORTS, `count>=${vus}`);
  if (settings.rate > 0) {
    atMost('fanwire_lost', settings.maxLost, planned.deliveries);
    add('fanwire_deliveries', 'count>0');
    add('fanwire_unsent', 'count==0');
    add('fanwire_late', 'count==0');
  }
  if (settings.rate > 0 && settings.isLatenessFatal) {
    add(HANDLER_LAG, `p(99)<${settings.maxHandlerLagMs}`);
    add(SCHEDULE_SLIP, `p(99)<${settings.maxSlipMs}`);
  }
  return byMetric;
}

/** fanwire_connected is a rate. At least one connection is always required. */
function connectedAtLeast({ value, isShare }: Bound, connections: number): string {
  const share = isShare ? value / 100 : value / connections;
  return share > 0 ? `rate>=${Math.min(1, share)}` : 'rate>0';
}

// The run's own k6 metrics, and the thresholds on them: the objective's, and those that tell k6's own limits.

import { Counter, Rate, Trend } from 'k6/metrics';
import type { Bound } from './environment.ts';
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
/** How long a VU takes to take in all its copies of one message, those of a burst together (sampled). */
export const intake = new Trend('fanwire_intake', true);
export const connected = new Rate('fanwire_connected');
export const failed = new Counter('fanwire_failed');
/** Open connections that the server, or the network, ended. */
export const closed = new Counter('fanwire_closed');
/** Messages that were due and could not be sent: their publisher's connection was not open. */
export const unsent = new Counter('fanwire_unsent');
/** Subscribers that opened only after measuring had begun, and took no part. */
export const late = new Counter('fanwire_late');
/** VUs that came to their report: one that did not keeps what it saw to itself. */
export const reports = new Counter('fanwire_reports');
export const published = new Counter('fanwire_published');
export const deliveries = new Counter('fanwire_deliveries');
export const lost = new Counter('fanwire_lost');
export const duplicated = new Counter('fanwire_duplicated');
export const outOfOrder = new Counter('fanwire_out_of_order');

/** k6 skips the thresholds of a metric without samples, so a run in which nothing arrived would pass; zeros prevent
 *  it. */
export function startCounters(): void {
  for (const counter of [failed, closed, unsent, late, reports, deliveries, lost, duplicated, outOfOrder])
    counter.add(0);
}

export const HANDLER_LAG = 'fanwire_handler_lag';
export const SCHEDULE_SLIP = 'fanwire_schedule_slip';
export const INTAKE = 'fanwire_intake';

export const REPORTS = 'fanwire_reports';
/** Metrics that say of a crossed threshold that k6, not the server, was too slow. */
export const OF_K6: ReadonlySet<string> = new Set([HANDLER_LAG, SCHEDULE_SLIP, REPORTS, 'fanwire_late']);

export interface Thresholds {
  [metric: string]: string[];
}

/** Thresholds by metric: the objective's; those that fail a run in which connections failed or messages were lost,
 *  which settings loosen; and those that fail a run in which k6 was the bottleneck. `vus` is how many should report. */
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

/** fanwire_connected is a rate; nobody connected is never good. */
function connectedAtLeast({ value, isShare }: Bound, connections: number): string {
  const share = isShare ? value / 100 : value / connections;
  return share > 0 ? `rate>=${Math.min(1, share)}` : 'rate>0';
}

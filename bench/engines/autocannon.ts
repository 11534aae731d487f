// The autocannon engine: requests over HTTP, for publishing without a WebSocket and for the admin routes.
//
// A "delivery" is an answered request here: `published` counts requests made, `delivered` those answered with 2xx, and
// latency runs from a request's first byte to the end of its response.
//
// Coordinated omission: an autocannon connection makes its next request only once the last one was answered. Without a
// rate the loop is closed, and a stall of the server is seen once per connection however long it lasts. With a rate
// autocannon gives every connection a quota per second and spends it back to back, so the loop is still closed within
// the second. autocannon's own correction assumes one request per millisecond at any rate (Math.ceil(1 / rate) in its
// run.js), which invents samples. So latencies come raw from its `response` events, and are corrected here with the
// interval that the rate means. `params` says which of the two was used.
// that the rate means. `params` says which it was.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import autocannon from 'autocannon';
import type { Histogram } from 'hdr-histogram-js';
import { FanwireError } from '../../src/base/error.js';
import { HIGHEST_LATENCY_US, newLatencyHistogram, percentileMs } from '../measure/histogram.js';
import type { Plan } from '../scenarios/scenario.js';
import type { Target } from '../targets/target.js';
import type { Engine, EngineHooks, EngineReport, EngineSeriesPoint } from './engine.js';

export interface AutocannonOptions {
  /** Routes of the target's admin port to GET in turn, such as `/metrics`. Empty: POST /publish/<topic> instead. */
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

export const AUTOCANNON_DEFAULTS: AutocannonOptions = { paths: [], headers: {} };

/** The event-loop delay monitor samples at this interval, and each delay that it gives includes the interval. */
const DELAY_RESOLUTION_MS = 1;
const SHORTEST_POINT_MS = 100;

/** Plays `plan` with `publishers` connections and `rate` requests per second (0: as fast as answers come). */
export function autocannonEngine(options: AutocannonOptions = AUTOCANNON_DEFAULTS): Engine {
  return {
    name: 'autocannon',
    async play(plan, target, hooks) {
      requirePlayable(plan);
      hooks.signal.throwIfAborted();
      hooks.phase('connect');
      if (plan.warmupS > 0) {
        hooks.phase('warmup');
        await shoot(settings(plan, target, options, plan.warmupS), hooks, () => {});
      }
      hooks.phase('measure');
      const measured = new Measured(plan, hooks);
      const counts = await shoot(settings(plan, target, options, plan.durationS), hooks, (shot) =>
        measured.watch(shot),
      );
      measured.stop();
      hooks.phase('done');
      return report(plan, counts, measured);
    },
  };
}

function requirePlayable(plan: Plan): void {
  if (plan.publishers > 0) return;
  throw new FanwireError(
    'FANWIRE_USAGE_BENCH_PLAN',
    `--publishers must be at least 1 with --engine autocannon (its connections), got ${plan.publishers}`,
  );
}

function settings(plan: Plan, target: Target, options: AutocannonOptions, seconds: number): autocannon.Options {
  return {
    url: (options.paths.length === 0 ? (target.urls[0] as string).replace(/^ws/, 'http') : adminUrl(target)).replace(
      /\/+$/,
      '',
    ),
    connections: plan.publishers,
    duration: seconds,
    timeout: plan.connectTimeoutS,
    requests: options.paths.length === 0 ? publishes(plan, options) : gets(options),
    // At this rate autocannon may open fewer connections than asked for: see connectionsOf.
    ...(plan.rate > 0 ? { overallRate: plan.rate } : {}),
  };
}

/** @throws FanwireError FANWIRE_USAGE_BENCH_ADMIN */
function adminUrl(target: Target): string {
  if (target.adminUrl !== undefined && /^https?:\/\//.test(target.adminUrl)) return target.adminUrl;
  const given = target.adminUrl === undefined ? 'none was given' : `got ${target.adminUrl}`;
  throw new FanwireError(
    'FANWIRE_USAGE_BENCH_ADMIN',
    `the admin routes of ${target.name} need --admin-url with an http:// URL, ${given}`,
  );
}

function publishes(plan: Plan, { headers }: AutocannonOptions): autocannon.Request[] {
  const contentType = plan.binary ? 'application/octet-stream' : 'text/plain';
  const body = '.'.repeat(plan.payloadBytes);
  return Array.from({ length: plan.topics }, (_, topic) => ({
    method: 'POST',
    path: `/publish/${encodeURIComponent(`${plan.topicPrefix}${topic}`)}`,
    headers: { ...headers, 'content-type': contentType },
    body,
  }));
}

function gets({ paths, headers }: AutocannonOptions): autocannon.Request[] {
  return paths.map((path) => ({ method: 'GET', path, headers: { ...headers } }));
}

/** Runs autocannon once. Resolves after it has dropped the requests still under way at the end; they are counted
 *  neither as answered nor as lost. */
function shoot(
  opts: autocannon.Options,
  hooks: EngineHooks,
  watch: (shot: autocannon.Instance) => void,
): Promise<autocannon.Result> {
  return new Promise((resolve, reject) => {
    const shot = autocannon(opts, (error, result) => {
      hooks.signal.removeEventListener('abort', stop);
      if (hooks.signal.aborted) reject(hooks.signal.reason);
      else if (error) reject(error);
      else resolve(result);
    });
    const stop = () => shot.stop();
    hooks.signal.addEventListener('abort', stop);
    watch(shot);
  });
}

/** What autocannon reports while it is measured, and how busy this thread was. */
class Measured {
  readonly latencyUs = newLatencyHistogram();
  readonly series: EngineSeriesPoint[] = [];
  readonly failures = new Map<string, number>();
  seconds = 0;
  cpu = 0;
  answered = 0;
  private second = newLatencyHistogram();
  private answeredBefore = 0;
  private readonly startedMs = performance.now();
  private readonly cpuBefore = process.cpuUsage();
  private readonly delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  /** Planned time between two requests of one connection, µs; 0: no plan, so no correction. */
  private readonly intervalUs: number;

  constructor(
    private readonly plan: Plan,
    private readonly hooks: EngineHooks,
  ) {
    this.intervalUs = plan.rate > 0 ? (1e6 * connectionsOf(plan)) / plan.rate : 0;
    this.delay.enable();
  }

  watch(shot: autocannon.Instance): void {
    shot.on('response', (_client, statusCode, _bytes, responseTimeMs) => {
      if (statusCode < 200 || statusCode > 299) {
        this.failed(`HTTP ${statusCode}`);
        return;
      }
      this.answered++;
      this.record(this.latencyUs, responseTimeMs);
      this.record(this.second, responseTimeMs);
    });
    shot.on('reqError', (error: Error) => this.failed(error.message));
    shot.on('tick', () => {
      // The last tick arrives twice.
      if (this.sinceLastPointMs > SHORTEST_POINT_MS) this.point();
    });
  }

  stop(): void {
    if (this.answered > this.answeredBefore) this.point();
    this.delay.disable();
    this.seconds = (performance.now() - this.startedMs) / 1000;
    const { user, system } = process.cpuUsage(this.cpuBefore);
    this.cpu = (user + system) / 1e6 / this.seconds;
  }

  get eventLoopDelayMs(): number {
    return Math.max(0, this.delay.percentile(99) / 1e6 - DELAY_RESOLUTION_MS);
  }

  private record(histogram: Histogram, responseTimeMs: number): void {
    const us = Math.min(HIGHEST_LATENCY_US, Math.round(responseTimeMs * 1000));
    if (this.intervalUs > 0) histogram.recordValueWithExpectedInterval(us, this.intervalUs);
    else histogram.recordValue(us);
  }

  private failed(reason: string): void {
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }

  private get sinceLastPointMs(): number {
    return performance.now() - this.startedMs - (this.series.at(-1)?.t ?? 0);
  }

  private point(): void {
    const t = performance.now() - this.startedMs;
    this.series.push({
      t,
      deliveries: this.answered - this.answeredBefore,
      p50: percentileMs(this.second, 50),
      p99: percentileMs(this.second, 99),
    });
    this.second = newLatencyHistogram();
    this.answeredBefore = this.answered;
    const fraction = Math.min(1, t / (this.plan.durationS * 1000));
    this.hooks.progress({ phase: 'measure', fraction, opened: connectionsOf(this.plan), delivered: this.answered });
  }
}

/** autocannon opens at most as many connections as the rate has requests per second. */
function connectionsOf(plan: Plan): number {
  return plan.rate > 0 ? Math.min(plan.publishers, plan.rate) : plan.publishers;
}

function report(plan: Plan, counts: autocannon.Result, measured: Measured): EngineReport {
  const failures = [...measured.failures].sort(([, a], [, b]) => b - a).map(([reason, count]) => ({ reason, count }));
  if (measured.answered === 0) {
    throw new FanwireError(
      'FANWIRE_BENCH_UNREACHABLE',
      `no request was answered with 2xx: ${failures[0]?.reason ?? 'no response at all'}`,
    );
  }
  const lost = failures.reduce((sum, { count }) => sum + count, 0);
  const connections = connectionsOf(plan);
  return {
    connections: {
      requested: connections,
      opened: connections,
      failed: 0,
      connectUs: newLatencyHistogram(),
      failures,
    },
    published: counts.requests.sent,
    expected: measured.answered + lost,
    delivered: measured.answered,
    lost,
    duplicated: 0,
    outOfOrder: 0,
    measuredS: measured.seconds,
    latencyUs: measured.latencyUs,
    series: measured.series,
    generator: {
      cpu: measured.cpu,
      scheduleSlipMs: { p99: null, max: null },
      eventLoopDelayMs: { p99: measured.eventLoopDelayMs },
    },
    invalidReasons: [],
    delayReasons: [],
    serverFaults: brokenRequests(failures),
    remarks: [],
    extra: {
      loop: plan.rate > 0 ? 'a quota per connection and second, closed within it' : 'closed',
      coordinatedOmission:
        plan.rate > 0
          ? 'corrected with the interval the rate means'
          : 'not corrected: a stall counts once per connection',
      non2xx: counts.non2xx,
      requestErrors: counts.errors,
      timeouts: counts.timeouts,
    },
  };
}

/** Describes requests whose connection broke or was refused. A non-2xx answer or a timeout is left out: it counts as
 *  lost. */
function brokenRequests(failures: readonly { readonly reason: string; readonly count: number }[]): string[] {
  const broken = failures.filter(({ reason }) => !/^HTTP |timed out/.test(reason));
  if (broken.length === 0) return [];
  const total = broken.reduce((sum, { count }) => sum + count, 0);
  return [
    `the server broke or refused ${total} requests (${broken.map(({ reason, count }) => `${count} × ${reason}`).join(', ')})`,
  ];
}

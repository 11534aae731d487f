// /metrics: what the relays counted, as Prometheus reads it. Counters stay plain numbers; they are read when a scrape
// comes. Label sets are bounded: reasons, stable codes and worker numbers, never a topic, user or address.
import { statSync } from 'node:fs';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { BusStatus } from '../../bus/bus.js';
import { COMPARED } from '../../bus/rules.js';
import { COUNTED, type Counts } from '../../relay/watch/counters.js';
import { BUCKET_BOUNDS, type DistributionCounts } from '../../relay/watch/distribution.js';
import type { Inspection } from '../../relay/watch/inspection.js';
import { type RelayStats, totalOf } from '../../relay/watch/stats.js';
import { CLUSTER_COUNTERS, CROSSED, GAUGES, LABELLED, type Total } from './metric-tables.js';

/** prom-client's statistics of the loop's delay: their timer, every 10 ms, makes each wait for sockets a short one,
 *  which costs 1 µs of CPU a wake-up (3 % of relaying a message to two subscribers). fanwire_event_loop_lag_seconds
 *  tells of each worker. */
const LOOP_DELAY = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'];
/** The longest interval that timer takes: 24 days. */
const NEVER_MS = 2 ** 31 - 1;

/** What is not counted. */
interface MetricsFacts {
  readonly version: string;
  readonly maxConnections: number;
  /** What clients are shown; undefined without TLS. */
  readonly certificate: { readonly expiresAtMs: number } | undefined;
}

let processRegistry: Registry | undefined;

/** prom-client's metrics of the process: one set, however many relays it has, for their observers cannot be ended. */
function ofProcess(): Registry {
  if (processRegistry !== undefined) return processRegistry;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER_MS });
  for (const statistic of LOOP_DELAY) registry.removeSingleMetric(`nodejs_eventloop_lag_${statistic}_seconds`);
  // prom-client's lists /proc/self/fd: 26 to 61 ms of the loop at 15,000 open files. Its size takes 0.05 ms.
  registry.removeSingleMetric('process_open_fds');
  processRegistry = registry;
  return registry;
}

export class Metrics {
  private readonly registry = new Registry();
  private workers: readonly RelayStats[] = [];
  private total: Total | undefined;
  private notReady: readonly string[] = [];

  constructor(
    private readonly inspection: Inspection,
    { version, maxConnections, certificate }: MetricsFacts,
  ) {
    this.addOpenFiles();
    this.addTotals();
    this.addWorkers();
    if (inspection.cluster !== undefined) this.addCluster();
    this.addDistribution('fanwire_fanout_size', 'Subscribers a message went to', 1, (total) => total.fanOut);
    this.addDistribution(
      'fanwire_publish_to_flush_seconds',
      'Time from a publish until its messages were written to the sockets, one in 64 publishes',
      1e-6,
      (total) => total.publishToFlushUs,
    );
    if (certificate !== undefined) {
      this.addGauge(
        'fanwire_tls_expiry_seconds',
        'Seconds until the certificate ends that clients are shown; below 0 once it has',
        () => Math.round((certificate.expiresAtMs - Date.now()) / 1000),
      );
    }
    const limit = new Gauge({
      name: 'fanwire_connections_limit',
      help: '--max-connections; 0 is unlimited',
      registers: [this.registry],
    });
    limit.set(maxConnections);
    const build = new Gauge({
      name: 'fanwire_build_info',
      help: 'Always 1; what runs is in the labels',
      labelNames: ['version', 'node'],
      registers: [this.registry],
    });
    build.set({ version, node: process.version }, 1);
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  async text(): Promise<string> {
    this.workers = await this.inspection.stats();
    this.notReady = await this.inspection.notReady();
    this.total = totalOf(this.workers);
    return `${await this.registry.metrics()}\n${await ofProcess().metrics()}`;
  }

  private addTotals(): void {
    const read = <T>(from: (total: Total) => T): T => from(this.total as Total);
    for (const [key, [name, help]] of Object.entries(COUNTED)) {
      this.addCounter(name, help, () => read((total) => total[key as keyof Counts]));
    }
    for (const [name, help, value] of CROSSED) this.addCounter(name, help, () => read(value));
    for (const [name, help, value] of GAUGES) this.addGauge(name, help, () => read(value));
    for (const [name, help, label, values] of LABELLED) {
      new Counter({
        name,
        help,
        labelNames: [label],
        registers: [this.registry],
        collect() {
          this.reset();
          for (const [key, count] of Object.entries(read(values))) this.inc({ [label]: snakeCase(key) }, count);
        },
      });
    }
  }

  private addWorkers(): void {
    this.addGauge('fanwire_ready', '1 while /readyz says that new clients may come, else 0', () =>
      this.notReady.length === 0 ? 1 : 0,
    );
    this.addCounter(
      'fanwire_worker_restarts_total',
      'Workers that died and were started anew',
      () => this.inspection.workerRestarts,
    );
    this.addByWorker(
      'fanwire_event_loop_lag_seconds',
      "Worst lateness of a worker's event loop in the last 5 to 10 seconds",
      ({ loopLagMs }) => loopLagMs / 1000,
    );
    this.addByWorker('fanwire_worker_connections', 'WebSockets open, by worker', ({ connections }) => connections);
  }

  private addCluster(): void {
    const status = (): BusStatus => this.inspection.cluster as BusStatus;
    this.addGauge(
      'fanwire_cluster_connected',
      '1 while NATS joins this node with others, 0 while it relays alone',
      () => (status().connected ? 1 : 0),
    );
    this.addGauge('fanwire_cluster_nodes', 'Other nodes that this one hears', () => status().nodes);
    this.addDifferences(status);
    for (const [name, help, value] of CLUSTER_COUNTERS) this.addCounter(name, help, () => value(status()));
  }

  private addDifferences(status: () => BusStatus): void {
    new Gauge({
      name: 'fanwire_cluster_rules_differ',
      help: 'Other nodes that go by another rule than this one, by option',
      labelNames: ['option'],
      registers: [this.registry],
      collect() {
        for (const option of COMPARED) {
          this.set({ option }, status().differences.filter((difference) => difference.option === option).length);
        }
      },
    });
  }

  private addOpenFiles(): void {
    if (openFiles() === undefined) return;
    this.addGauge('process_open_fds', 'Number of open file descriptors', () => openFiles() ?? 0);
  }

  /** A counter that was counted elsewhere; `read` is asked at each scrape. */
  private addCounter(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  private addGauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  private addByWorker(name: string, help: string, read: (stats: RelayStats) => number): void {
    const workers = (): readonly RelayStats[] => this.workers;
    new Gauge({
      name,
      help,
      labelNames: ['worker'],
      registers: [this.registry],
      collect() {
        for (const stats of workers()) this.set({ worker: String(stats.worker) }, read(stats));
      },
    });
  }

  /** prom-client's Histogram can only observe; one that was counted elsewhere is registered by what a registry asks of
   *  it. */
  private addDistribution(name: string, help: string, unit: number, of: (total: Total) => DistributionCounts): void {
    const get = async () => ({ name, help, type: 'histogram', values: histogram(name, unit, of(this.total as Total)) });
    this.registry.registerMetric({ name, help, type: 'histogram', get } as never);
  }
}

function histogram(name: string, unit: number, { counts, sum }: DistributionCounts) {
  let below = 0;
  const buckets = BUCKET_BOUNDS.map((bound, index) => {
    below += counts[index] as number;
    return {
      metricName: `${name}_bucket`,
      labels: { le: String(Number((bound * unit).toPrecision(6))) },
      value: below,
    };
  });
  const count = below + (counts[BUCKET_BOUNDS.length] as number);
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: count },
    { metricName: `${name}_sum`, labels: {}, value: sum * unit },
    { metricName: `${name}_count`, labels: {}, value: count },
  ];
}

/** Linux 6.2 and newer give the number of open files as the directory's size; before, it is 0. */
function openFiles(): number | undefined {
  try {
    return statSync('/proc/self/fd').size || undefined;
  } catch {
    return undefined;
  }
}

/** `tooBig` → `too_big`; stable codes stay as they are. */
function snakeCase(key: string): string {
  return key.startsWith('FANWIRE_') ? key : key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

// Starts what `fanwire serve` runs: one relay in this thread, or several as workers, joined with other nodes where there are any.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.js';
import type { BusStatus } from '../bus/bus.js';
import type { JetStreamOwner } from '../bus/jetstream.js';
import { parseHistoryRules } from '../config/history-rules.js';
import type { RelayConfig } from '../config/schema.js';
import { ALONE, type Cluster } from '../relay/company.js';
import { ClusterInspection } from '../relay/watch/cluster-inspection.js';
import type { Inspection } from '../relay/watch/inspection.js';

/** A relay, or several of them as worker threads. */
export interface Running {
  /** Reads tokens and keys again. */
  reload(): Promise<void>;
  /** From now on /readyz says 503; newcomers are taken for another --drain-delay-ms. Then every socket is closed with 1012, spread
   *  over `overMs`, by default --drain-ms. Resolves when the last was told. */
  drain(overMs?: number): Promise<void>;
  /** Cuts what is left. The process may exit once this has resolved. */
  close(): void | Promise<void>;
}

/** What is not needed is not loaded: --help and a bad flag answer without uWS, and a missing binary is one line. */
export async function start(config: RelayConfig, log: Logger): Promise<Running> {
  // uWS reads its environment when it is first loaded, and only what this thread sets is seen: a worker's variables are a copy.
  await import('../relay/uws.js');
  const cluster = await joinCluster(config, log);
  try {
    return config.workers > 1 ? await startWorkers(config, log, cluster) : await startAlone(config, log, cluster);
  } catch (error) {
    await cluster?.bus.close();
    throw error;
  }
}

/** Undefined without --cluster. */
async function joinCluster(config: RelayConfig, log: Logger): Promise<Cluster | undefined> {
  if (config.cluster.length === 0) return undefined;
  const { NatsBus } = await import('../bus/nats.js');
  const owner = await historyOwner(config, log);
  const bus = await NatsBus.open({ config, log, name: `fanwire ${hostname()}:${config.port}`, observer: owner });
  try {
    await owner?.ready();
  } catch (error) {
    await bus.close();
    throw error;
  }
  return { bus, owner, idPrefix: `${randomBytes(4).toString('hex')}-` };
}

/** Undefined where no history is kept. */
async function historyOwner(config: RelayConfig, log: Logger): Promise<JetStreamOwner | undefined> {
  const rules = parseHistoryRules(config.history);
  if (rules.length === 0) return undefined;
  const { JetStreamOwner } = await import('../bus/jetstream.js');
  const { clusterPrefix: prefix, historyMaxBytes: maxBytes, historyReplicas: replicas } = config;
  return new JetStreamOwner({ prefix, rules, maxBytes, replicas, log });
}

async function startAlone(config: RelayConfig, log: Logger, cluster: Cluster | undefined): Promise<Running> {
  const { startRelay } = await import('../relay/relay.js');
  const { PublishApi } = await import('../http/publish/publish.js');
  const { HealthRoute } = await import('../http/health.js');
  const { LocalInspection } = await import('../relay/watch/inspection.js');
  const { onlyIdleLeft } = await import('../relay/exit/lingering.js');
  const { RemoteOwner } = await import('../bus/remote-owner.js');
  const threads = cluster?.owner && new RemoteOwner(cluster.owner);
  const relay = await startRelay(config, log, { ...ALONE, ...cluster, threads });
  new PublishApi(relay, config, log).attach();
  const inspection = new LocalInspection(relay, config);
  new HealthRoute(relay, inspection, config).attach();
  let isClosed = false;
  const running = {
    reload: () => relay.reload(),
    drain: async (overMs?: number) => {
      relay.leave();
      await sleep(config.drainDelayMs);
      await relay.drain(overMs);
      void onlyIdleLeft(
        relay.port,
        async () => relay.httpConnections(),
        () => isClosed,
      ).then(() => relay.closeIdle());
      await cluster?.bus.close();
    },
    close: async () => {
      isClosed = true;
      relay.close();
      await cluster?.bus.close();
    },
  };
  const status = cluster === undefined ? undefined : () => cluster.bus.status();
  return withAdmin(running, inClusterOf(status, inspection, config), config, log);
}

async function startWorkers(config: RelayConfig, log: Logger, cluster: Cluster | undefined): Promise<Running> {
  const { Supervisor } = await import('../workers/supervisor.js');
  const { WorkersInspection } = await import('../workers/inspection.js');
  const supervisor = new Supervisor(config, log, cluster);
  await supervisor.start();
  const inspection = inClusterOf(supervisor.clusterStatus, new WorkersInspection(supervisor), config);
  return withAdmin(supervisor, inspection, config, log);
}

/** @param status how this node stands with the others; undefined where it is alone */
function inClusterOf(status: (() => BusStatus) | undefined, inspection: Inspection, config: RelayConfig): Inspection {
  return status === undefined ? inspection : new ClusterInspection(inspection, status, config);
}

/** Adds the admin listener to what runs. It answers until the drain is over: /readyz says meanwhile why nobody should come. */
export async function withAdmin(
  running: Running,
  inspection: Inspection,
  config: RelayConfig,
  log: Logger,
): Promise<Running> {
  const { startAdmin } = await import('../http/admin/admin.js');
  try {
    const admin = await startAdmin(config, inspection, log);
    return {
      reload: () => running.reload(),
      drain: async (overMs) => {
        await running.drain(overMs);
        admin.close();
      },
      close: () => {
        admin.close();
        return running.close();
      },
    };
  } catch (error) {
    await running.close();
    throw error;
  }
}

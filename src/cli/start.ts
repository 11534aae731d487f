// Starts what `fanwire serve` runs: one relay in this thread, or several as workers, joined with other nodes where
// there are any.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.js';
import { version } from '../base/version.js';
import type { BusStatus } from '../bus/bus.js';
import type { JetStreamOwner } from '../bus/jetstream.js';
import type { JetStreamOptions } from '../bus/jetstream-options.js';
import type { NatsFiles } from '../bus/nats-files.js';
import { parseDeliverRules } from '../config/deliver-rules.js';
import type { RelayConfig } from '../config/schema.js';
import { ServedCertificate } from '../config/served-certificate.js';
import { type KeptRule, keptRules, newestBy, newestKey } from '../config/state-rules.js';
import { ruleFor } from '../config/topic-rules.js';
import { ALONE, type Cluster } from '../relay/company.js';
import { ClusterInspection } from '../relay/watch/cluster-inspection.js';
import type { Inspection } from '../relay/watch/inspection.js';
import { Renewals } from './renewals.js';
import { type Node, partsOf, type Running, running, withAdmin } from './running.js';

/** With its admin listener. `stuck` is what is done about workers that do not end; the process is killed where
 *  undefined. What is not needed is not loaded: --help and a bad flag answer without uWS, and a missing binary is one
 *  line. */
export async function start(config: RelayConfig, log: Logger, stuck?: () => void): Promise<Running> {
  await import('../relay/uws.js'); // first: see startNode
  // Before a relay runs: afterwards Node 20 resolved what is imported here without following symbolic links (as pnpm
  // lays packages out), and did not find what those packages need.
  await import('../http/admin/admin.js');
  const { node, inspection, renewed } = await startNode(config, log, stuck);
  return withAdmin(node, inspection, config, log, renewed);
}

/** As `start`, without an admin listener. */
export async function startBare(config: RelayConfig, log: Logger, stuck?: () => void): Promise<Running> {
  const { node, inspection, renewed } = await startNode(config, log, stuck);
  return running(node, inspection, new Renewals(partsOf(node, renewed), log), undefined);
}

async function startNode(config: RelayConfig, log: Logger, stuck?: () => void) {
  // uWS reads its environment when it is first loaded, and only what this thread sets is seen: a worker's variables are
  // a copy.
  await import('../relay/uws.js');
  const certificate = config.tlsCert === '' ? undefined : new ServedCertificate(config);
  if (certificate !== undefined && certificate.expiresAtMs < Date.now()) {
    log.warn(certificate.facts, 'the certificate has ended: clients that check it do not connect');
  }
  const files = await natsFiles(config);
  const cluster = await joinCluster(config, log, files);
  try {
    const [node, inspection] = await (config.workers > 1
      ? startWorkers(config, log, cluster, stuck)
      : startAlone(config, log, cluster));
    return { node, inspection, renewed: { certificate, files } };
  } catch (error) {
    await cluster?.bus.close();
    throw error;
  }
}

/** Undefined without --cluster. */
async function natsFiles(config: RelayConfig): Promise<NatsFiles | undefined> {
  if (config.cluster.length === 0) return undefined;
  const { NatsFiles } = await import('../bus/nats-files.js');
  return new NatsFiles(config);
}

/** Undefined without --cluster. */
async function joinCluster(
  config: RelayConfig,
  log: Logger,
  files: NatsFiles | undefined,
): Promise<Cluster | undefined> {
  if (files === undefined) return undefined;
  const [{ NatsBus }, { Nodes }, { Bridge }, { rulesOf }] = await Promise.all([
    import('../bus/nats.js'),
    import('../bus/nodes.js'),
    import('../bus/bridge.js'),
    import('../bus/rules.js'),
  ]);
  const { clusterPrefix: prefix } = config;
  const rules = rulesOf(config);
  const node = randomBytes(4).toString('hex');
  const name = `${hostname()}:${config.port}`;
  const nodes = new Nodes({ prefix, self: { node, name, version }, rules, log });
  const kept = keptRules(rules.history, rules.state);
  const deliver = parseDeliverRules(config.deliver);
  const bridge = new Bridge(prefix, kept, (topic, key, body) => newestKey(newestBy(deliver, topic, true), key, body));
  nodes.attend({ rulesChanged: () => bridge.update(nodes.others) });
  const windowOf = (topic: string): number | undefined => {
    const rule = ruleFor(deliver, topic);
    return rule === undefined || rule.mode === 'all' ? undefined : rule.windowMs;
  };
  const owner = await historyOwner(config, kept, { log, nodes, bridge, windowOf });
  nodes.isReady = () => owner?.isReady ?? true;
  const bus = await NatsBus.open({ config, log, name: `fanwire ${name}`, observer: owner, files, nodes, bridge });
  try {
    await owner?.ready();
    await nodes.asked;
  } catch (error) {
    await bus.close();
    throw error;
  }
  // Its first clients come after the others know its rules.
  nodes.announce();
  return { bus, owner, nodes, idPrefix: `${node}-` };
}

/** Undefined where nothing is kept. */
async function historyOwner(
  config: RelayConfig,
  rules: readonly KeptRule[],
  others: Pick<JetStreamOptions, 'log' | 'nodes' | 'bridge' | 'windowOf'>,
): Promise<JetStreamOwner | undefined> {
  if (rules.length === 0) return undefined;
  const { JetStreamOwner } = await import('../bus/jetstream.js');
  const { clusterPrefix: prefix, historyMaxBytes: maxBytes, stateMaxBytes, historyReplicas: replicas } = config;
  return new JetStreamOwner({ prefix, rules, maxBytes, stateMaxBytes, replicas, ...others });
}

type Started = readonly [Node, Inspection];

async function startAlone(config: RelayConfig, log: Logger, cluster: Cluster | undefined): Promise<Started> {
  const { startRelay } = await import('../relay/relay.js');
  const { PublishApi } = await import('../http/publish/publish.js');
  const { PastApi } = await import('../http/past/past.js');
  const { publishOwn } = await import('../http/publish/own.js');
  const { HealthRoute } = await import('../http/health.js');
  const { LocalInspection } = await import('../relay/watch/inspection.js');
  const { RemoteOwner } = await import('../bus/remote-owner.js');
  const threads = cluster?.owner && new RemoteOwner(cluster.owner);
  const relay = await startRelay(config, log, { ...ALONE, ...cluster, threads });
  if (cluster !== undefined) {
    cluster.nodes.origins = () => [cluster.idPrefix];
    cluster.nodes.attend(relay.presence);
    cluster.nodes.announce();
  }
  new PublishApi(relay, config).attach();
  new PastApi(relay, config).attach();
  const inspection = new LocalInspection(relay, config);
  new HealthRoute(relay, inspection, config).attach();
  const node: Node = {
    port: relay.port,
    publish: (topic, message, isBinary) => publishOwn(relay, topic, message, isBinary),
    reload: () => relay.reload(),
    renewCertificate: () => relay.renewCertificate(),
    drain: async (overMs?: number) => {
      relay.leave();
      await sleep(config.drainDelayMs);
      await relay.drain(overMs);
      await cluster?.bus.close();
    },
    httpConnections: async () => relay.httpConnections(),
    closeIdle: () => relay.closeIdle(),
    close: async () => {
      inspection.stop();
      relay.close();
      await cluster?.bus.close();
    },
  };
  const status = cluster === undefined ? undefined : () => cluster.bus.status();
  return [node, inClusterOf(status, inspection, config)];
}

async function startWorkers(
  config: RelayConfig,
  log: Logger,
  cluster: Cluster | undefined,
  stuck?: () => void,
): Promise<Started> {
  const { Supervisor } = await import('../workers/supervisor.js');
  const { WorkersInspection } = await import('../workers/inspection.js');
  const supervisor = new Supervisor(config, log, { cluster, stuck });
  await supervisor.start();
  return [supervisor, inClusterOf(supervisor.clusterStatus, new WorkersInspection(supervisor), config)];
}

/** @param status how this node stands with the others; undefined where it is alone */
function inClusterOf(status: (() => BusStatus) | undefined, inspection: Inspection, config: RelayConfig): Inspection {
  return status === undefined ? inspection : new ClusterInspection(inspection, status, config);
}

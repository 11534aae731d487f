// What an administrator may ask of a node of a cluster: the same as of a single relay, and its state towards the
// others.
import type { BusStatus } from '../../bus/bus.js';
import type { RelayConfig } from '../../config/schema.js';
import type { ConnectionPage, ConnectionQuery, Inspection, TopicInfo, TopicOrder } from './inspection.js';
import type { RelayStats } from './stats.js';

export class ClusterInspection implements Inspection {
  constructor(
    private readonly node: Inspection,
    private readonly status: () => BusStatus,
    private readonly config: Pick<RelayConfig, 'readyWithoutCluster'>,
  ) {}

  get port(): number {
    return this.node.port;
  }

  get workerRestarts(): number {
    return this.node.workerRestarts;
  }

  get cluster(): BusStatus {
    return this.status();
  }

  async notReady(): Promise<readonly string[]> {
    const reasons = await this.node.notReady();
    if (this.config.readyWithoutCluster) return reasons;
    const { connected, streamsReady } = this.cluster;
    if (!connected) return [...reasons, 'NATS is away: messages reach the subscribers of this node only'];
    return streamsReady ? reasons : [...reasons, 'NATS does not have the streams of --history and --state at hand yet'];
  }

  stats(): Promise<readonly RelayStats[]> {
    return this.node.stats();
  }

  topics(order: TopicOrder, limit: number): Promise<readonly TopicInfo[]> {
    return this.node.topics(order, limit);
  }

  connections(query: ConnectionQuery): Promise<ConnectionPage> {
    return this.node.connections(query);
  }

  kick(id: string): Promise<boolean> {
    return this.node.kick(id);
  }
}

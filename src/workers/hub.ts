// Between the workers of this process and other nodes: the main thread holds the node's one NATS connection. So NATS
// has one subscription per topic and node and sends a message once, whatever the number of workers, and its client runs
// outside the relays' loops.

import type { Bus, BusStatus } from '../bus/bus.js';
import { NO_STATUS } from '../bus/bus.js';
import { type Census, NOBODY, together } from '../bus/census.js';
import type { JetStreamOwner } from '../bus/jetstream.js';
import type { HubObserver, ThreadLink } from '../bus/link.js';
import { ThreadsBus } from '../bus/threads.js';

export class Hub implements HubObserver {
  private readonly workers: ThreadsBus;
  /** By topic: how many workers have subscribers. */
  private readonly wanting = new Map<string, number>();
  private readonly topicsOf = new Map<number, Set<string>>();

  constructor(
    self: number,
    interest: SharedArrayBuffer,
    private readonly nodes: Bus,
    private readonly owner?: JetStreamOwner,
  ) {
    this.workers = new ThreadsBus({ self, interest, links: [], observer: this });
    this.workers.start(
      (topic, message, kind) => nodes.forward(topic, message, kind),
      async (topic, wants) =>
        wants === 'confirmation'
          ? this.confirm(topic)
          : together(await nodes.survey({ topic, wants, reach: 'cluster' })),
    );
    this.numberTopics();
    nodes.start(
      (topic, message, kind) => this.workers.forward(topic, message, kind),
      async (topic, wants) => together(await this.workers.survey({ topic, wants, reach: 'process' })),
    );
  }

  connect(link: ThreadLink): void {
    this.topicsOf.set(link.peer, new Set());
    this.workers.connect(link);
  }

  /** A worker has ended: nobody there wants anything any more. */
  disconnect(peer: number): void {
    this.workers.disconnect(peer);
    for (const topic of this.topicsOf.get(peer) ?? []) this.drop(topic);
    this.topicsOf.delete(peer);
  }

  subscribed(peer: number, topic: string): void {
    const topics = this.topicsOf.get(peer);
    if (topics === undefined || topics.has(topic)) return;
    topics.add(topic);
    const workers = this.wanting.get(topic) ?? 0;
    this.wanting.set(topic, workers + 1);
    if (workers > 0) return;
    this.nodes.subscribe(topic);
    this.owner?.subscribe(topic);
  }

  unsubscribed(peer: number, topic: string): void {
    if (this.topicsOf.get(peer)?.delete(topic)) this.drop(topic);
  }

  /** What crossed between nodes; `lost` includes what the hub could not pass on to a worker. */
  status(): BusStatus {
    const ofNodes = this.nodes.status();
    return { ...NO_STATUS, ...ofNodes, lost: ofNodes.lost + this.workers.status().lost };
  }

  async close(): Promise<void> {
    await this.workers.close();
    await this.nodes.close();
  }

  /** Asks NATS, and then has every worker say that it has taken in what came before. */
  private async confirm(topic: string): Promise<Census> {
    const isConfirmed = await this.nodes.confirm(topic);
    await this.workers.survey({ topic, wants: 'count', reach: 'process' });
    return { ...NOBODY, subscribers: isConfirmed ? 1 : 0 };
  }

  private drop(topic: string): void {
    const workers = (this.wanting.get(topic) ?? 1) - 1;
    if (workers > 0) {
      this.wanting.set(topic, workers);
      return;
    }
    this.wanting.delete(topic);
    this.nodes.unsubscribe(topic);
    this.owner?.unsubscribe(topic);
  }

  /** For the workers, the hub is the owner of all topics with history, on behalf of the store that keeps them. */
  private numberTopics(): void {
    const { owner, workers } = this;
    if (owner === undefined) return;
    owner.output = {
      send: (topic, record) => workers.sendToInterested(topic, record),
      doubt: () => workers.doubt(),
    };
    workers.attend({
      record: (worker, topic, record) => owner.take(topic, record, (answer) => workers.send(worker, topic, answer)),
      gone: () => {},
      came: () => {},
      doubt: () => {},
    });
  }
}

// When an HTTP publish is answered. In a cluster, a balancer may send a publisher's next request to another node. Both
// messages arrive in order only if NATS had the first one when it was answered, and the second node has caught up with
// NATS.
import type { Bus } from '../../bus/bus.js';
import { type Refusal, Refused } from '../../protocol/codes.js';

/** `order`: once NATS has it, and also where NATS does not confirm it. `cluster`: the same, but refused where NATS does
 *  not confirm it. `node`: as soon as this node has it. */
export type Confirm = 'order' | 'cluster' | 'node';

/** What is asked of a relay. */
export interface ConfirmingRelay {
  readonly bus: Pick<Bus, 'confirm'>;
  /** Fans `message` out on a topic as if a client without a socket had sent it. Returns how many subscribers it went
   *  to. `acknowledge` gets its number, 0 where it has none, and undefined where that cannot be known. */
  publish(
    topic: string,
    message: Uint8Array,
    isBinary: boolean,
    acknowledge?: (seq: number | undefined) => void,
    key?: string,
  ): number;
  /** Whether a topic's messages are numbered. */
  keeps(topic: string): boolean;
}

/** How long the number of a message may take. */
const NUMBER_MS = 5000;

/** The publishes of one request. */
export class PublishConfirmation {
  /** The number of the last message that got one. */
  seq = 0;
  private readonly unnumbered = new Set<string>();
  private readonly numbers: Promise<boolean>[] = [];

  constructor(
    private readonly relay: ConfirmingRelay,
    private readonly confirm: Confirm,
  ) {}

  /** Waits until this node has what was answered on others. */
  async before(topic: string): Promise<void> {
    if (this.confirm !== 'node' && !this.relay.keeps(topic)) await this.relay.bus.confirm(topic);
  }

  /** Gives how many subscribers it has here. */
  publish(topic: string, message: Uint8Array, isBinary: boolean, key: string | undefined): number {
    if (this.confirm === 'node') return this.relay.publish(topic, message, isBinary, undefined, key);
    if (!this.relay.keeps(topic)) {
      this.unnumbered.add(topic);
      return this.relay.publish(topic, message, isBinary, undefined, key);
    }
    let subscribers = 0;
    const number = new Promise<number | undefined>((resolve) => {
      subscribers = this.relay.publish(topic, message, isBinary, resolve, key);
      setTimeout(() => resolve(undefined), NUMBER_MS).unref();
    });
    this.numbers.push(
      number.then((seq = 0) => {
        if (seq > 0) this.seq = seq;
        return seq > 0;
      }),
    );
    return subscribers;
  }

  /** Why the answer cannot be that all has been published, where that was asked for. */
  async refusal(): Promise<Refusal | undefined> {
    if (this.confirm === 'node') return undefined;
    const confirmed = [...this.unnumbered].map((topic) => this.relay.bus.confirm(topic));
    const given = await Promise.all([...confirmed, ...this.numbers]);
    return this.confirm === 'order' || given.every(Boolean) ? undefined : UNCONFIRMED;
  }
}

const UNCONFIRMED: Refusal = {
  ...Refused.unconfirmed,
  message: "NATS has not confirmed it: it reached this node's subscribers, and maybe not those of other nodes",
};

/** @param text of the query */
export function readConfirm(text: string, isClustered: boolean): Confirm | Refusal {
  if (text === '') return isClustered ? 'order' : 'node';
  if (text === 'cluster' || text === 'node') return text;
  const message = `"confirm" is cluster or node, got ${JSON.stringify(text.slice(0, 40))}`;
  return { ...Refused.publishQuery, message };
}

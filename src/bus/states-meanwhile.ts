// What was published to states while their streams could not take it: the newest of each key, which goes to the stream
// once that is ready. Otherwise the readers of this node, who heard it, would have another state than those of other
// nodes, and than newcomers. A key that somebody has published to the stream since is left as it is.
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';

/** When a message was published, as Unix time in ms by its node's clock, if it reached the stream later than that. */
const PUBLISHED_AT = 'Fanwire-Published-At';
/** JetStream's error code if another message of the subject came first. */
const OTHER_CAME_FIRST = 10071;
/** How often a key that others publish at the same time is tried. */
const ATTEMPTS = 5;
/** Keys that are published at a time: each takes two requests, one after the other. */
const AT_ONCE = 32;
/** Estimated bytes of a message besides its content. */
const OVERHEAD_BYTES = 600;

/** A message that waits. It has a subject of its own, as each key of a state does. */
export interface LateState {
  readonly stream: string;
  readonly subject: string;
  readonly bytes: Uint8Array;
  /** As Unix time in ms. */
  readonly atMs: number;
  /** How long the stream keeps a message, in ms. */
  readonly ttlMs: number;
  /** Called when the stream has it. */
  readonly published: () => void;
}

export class StatesMeanwhile {
  /** Messages that no other node will hear: a newer one took their place, or there was no room for them. */
  lost = 0;
  /** By subject, oldest first. */
  private readonly waiting = new Map<string, LateState>();
  private bytes = 0;
  private isPublishing = false;

  /** @param failed told why publishing stopped: what is left waits for the next call */
  constructor(
    private readonly maxBytes: number,
    private readonly failed: (reason: Error) => void,
  ) {}

  get size(): number {
    return this.waiting.size;
  }

  keep(message: LateState): void {
    this.superseded(message.subject);
    this.waiting.set(message.subject, message);
    this.bytes += sizeOf(message);
    for (const oldest of this.waiting.values()) {
      if (this.bytes <= this.maxBytes) return;
      this.drop(oldest);
      this.lost++;
    }
  }

  /** A newer message of the subject is on its way to the stream, or waits here. */
  superseded(subject: string): void {
    const older = this.waiting.get(subject);
    if (older === undefined) return;
    this.drop(older);
    this.lost++;
  }

  /** Publishes what waits, until it is done or `isCurrent` returns false. Does nothing while it is under way. */
  async publish(client: JetStreamClient, manager: JetStreamManager, isCurrent: () => boolean): Promise<void> {
    if (this.isPublishing) return;
    this.isPublishing = true;
    const rest = this.waiting.values();
    const publishing = async (): Promise<void> => {
      for (const message of rest) {
        if (!isCurrent()) return;
        await this.publishOne(client, manager, message);
      }
    };
    // An iterator that several take from gives each message to one of them.
    const outcomes = await Promise.allSettled(Array.from({ length: AT_ONCE }, publishing));
    this.isPublishing = false;
    const rejected = outcomes.find((outcome) => outcome.status === 'rejected');
    if (rejected !== undefined && isCurrent()) this.failed(rejected.reason as Error);
  }

  private async publishOne(client: JetStreamClient, manager: JetStreamManager, message: LateState): Promise<void> {
    const { stream, subject, atMs, ttlMs, bytes } = message;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const present = await manager.streams.getMessage(stream, { last_by_subj: subject });
      if (this.waiting.get(subject) !== message) return; // a newer one came meanwhile
      const presentAtMs = present === null ? 0 : publishedAtOf(present.header, present.timestamp);
      if (presentAtMs > atMs || Date.now() - atMs > ttlMs) break;
      // The same time: it was published before, and only the answer was lost.
      if (presentAtMs === atMs || (await isTaken(client, message, present?.seq ?? 0, bytes))) {
        this.drop(message);
        message.published();
        return;
      }
    }
    if (this.waiting.get(subject) === message) this.superseded(subject);
  }

  private drop(message: LateState): void {
    if (this.waiting.get(message.subject) !== message) return;
    this.waiting.delete(message.subject);
    this.bytes -= sizeOf(message);
  }
}

/** Publishes a message unless the subject's last number is not `after` any more. */
async function isTaken(
  client: JetStreamClient,
  { subject, atMs }: LateState,
  after: number,
  bytes: Uint8Array,
): Promise<boolean> {
  const about = headers();
  about.set(PUBLISHED_AT, String(atMs));
  try {
    await client.publish(subject, bytes, { headers: about, expect: { lastSubjectSequence: after } });
    return true;
  } catch (error) {
    if ((error as { code?: number }).code === OTHER_CAME_FIRST) return false;
    throw error;
  }
}

function publishedAtOf(header: { get(name: string): string } | undefined, timestamp: string): number {
  return Number(header?.get(PUBLISHED_AT)) || Date.parse(timestamp);
}

function sizeOf({ bytes, subject }: LateState): number {
  return OVERHEAD_BYTES + bytes.byteLength + 2 * subject.length;
}

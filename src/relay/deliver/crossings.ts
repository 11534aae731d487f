// What waits to cross to other workers and nodes, of topics of which only the newest is delivered: the newest of each
// key, which crosses at most once a window.

import type { BeginCrossing, Cross, Crossing, Crossings, NewCrossings } from '../../bus/crossings.js';
import { PublishClock } from '../../bus/last-updates.js';
import { type KeyReader, keyReader } from '../../config/deliver-key.js';
import type { DeliverRule } from '../../config/deliver-rules.js';
import { MAX_KEYS } from '../../config/state-rules.js';
import { ruleFor } from '../../config/topic-rules.js';
import { type HeldBytes, heldBytes } from './held-bytes.js';
import type { WindowClock, Windowed } from './window-clock.js';

/** Topics with something that waits; of more, every message crosses at once. */
const MAX_LANES = 100_000;

interface CrossingRule {
  readonly pattern: string;
  /** Undefined where every message crosses. */
  readonly newest: { readonly clock: WindowClock; readonly keyOf: KeyReader } | undefined;
}

export class CrossingRules {
  private readonly rules: readonly CrossingRule[];

  constructor(
    rules: readonly DeliverRule[],
    clockOf: (windowMs: number) => WindowClock,
    /** Bytes of one topic that may wait. */
    private readonly maxBytes: number,
    private readonly held: HeldBytes,
    private readonly publishClock = new PublishClock(),
  ) {
    this.rules = rules.map((rule) => ({
      pattern: rule.pattern,
      newest: rule.mode === 'all' ? undefined : { clock: clockOf(rule.windowMs), keyOf: keyReader(rule) },
    }));
  }

  readonly newCrossings: NewCrossings = <Message>(begin: BeginCrossing<Message>): Crossings<Message> => {
    const lanes = new Map<string, CrossingLane<Message>>();
    return {
      of: (topic) => {
        const lane = lanes.get(topic);
        if (lane !== undefined) return lane;
        const newest = ruleFor(this.rules, topic)?.newest;
        if (newest === undefined || lanes.size >= MAX_LANES) return undefined;
        const { clock, keyOf } = newest;
        const quiet = (): void => void lanes.delete(topic);
        const opened = new CrossingLane<Message>(
          keyOf,
          (first) => begin(topic, first),
          quiet,
          this.maxBytes,
          this.held,
          this.publishClock,
        );
        lanes.set(topic, opened);
        clock.begin(opened);
        return opened;
      },
      crossNow: (topic) => lanes.get(topic)?.crossNow(),
    };
  };
}

interface Held<Message> {
  readonly message: Message;
  readonly bytes: number;
  readonly replaced: number;
  readonly machineMs: number;
}

/** One topic's messages that wait to cross; gone when a window passes without one. */
class CrossingLane<Message> implements Windowed, Crossing<Message> {
  readonly isOver = false;
  private readonly newest = new Map<string, Held<Message>>();
  private bytes = 0;
  private cross: Cross<Message> | undefined;

  constructor(
    readonly keyOf: KeyReader,
    private readonly begin: (first: Message) => Cross<Message>,
    private readonly quiet: () => void,
    private readonly maxBytes: number,
    private readonly held: HeldBytes,
    private readonly publishClock: PublishClock,
  ) {}

  waiting(key: string): Message | undefined {
    return this.newest.get(key)?.message;
  }

  keep(key: string, message: Message, bytes: number, alreadyReplaced = 0): void {
    this.cross ??= this.begin(message);
    let replaced = alreadyReplaced;
    const before = this.newest.get(key);
    if (before !== undefined) {
      this.newest.delete(key);
      this.bytes -= before.bytes;
      this.held.gone(heldBytes(before.bytes));
      replaced += 1 + before.replaced;
    }
    this.newest.set(key, { message, bytes, replaced, machineMs: this.publishClock.machineMs() });
    this.bytes += bytes;
    this.held.wait(heldBytes(bytes));
    // Nothing of it may be lost here: what is too much to wait does not.
    if (this.newest.size > MAX_KEYS || this.bytes > this.maxBytes) this.crossNow();
  }

  crossNow(): void {
    const waiting = [...this.newest.values()];
    this.held.gone(waiting.reduce((sum, { bytes }) => sum + heldBytes(bytes), 0));
    this.newest.clear();
    this.bytes = 0;
    for (const { message, replaced, machineMs } of waiting) this.cross?.(message, replaced, machineMs);
  }

  windowEnded(): boolean {
    const isRunning = this.newest.size > 0;
    this.crossNow();
    if (!isRunning) this.quiet();
    return isRunning;
  }
}

// A bus on which a window's worth of replaced messages does not travel: of topics of which only the newest is
// delivered, only the newest crosses to other workers and nodes, at most once a window.
import { type Bus, type BusStatus, CrossingKind, type Deliver } from '../../bus/bus.js';
import type { Census, Question, TakeCensus } from '../../bus/census.js';
import { type KeyReader, keyReader } from '../../config/deliver-key.js';
import type { DeliverRule } from '../../config/deliver-rules.js';
import { ruleFor } from '../../config/topic-rules.js';
import { bodyPayload, readParcel } from '../../protocol/parcel.js';
import type { Counters } from '../watch/counters.js';
import type { WindowClock, Windowed } from './window-clock.js';

interface Crossing {
  readonly message: Uint8Array;
  readonly kind: CrossingKind;
}

interface CrossingRule {
  readonly pattern: string;
  /** Undefined where every message crosses. */
  readonly newest: { readonly clock: WindowClock; readonly keyOf: KeyReader } | undefined;
}

export class ConflatingBus implements Bus {
  private readonly rules: readonly CrossingRule[];
  private readonly lanes = new Map<string, CrossingLane>();

  constructor(
    private readonly bus: Bus,
    rules: readonly DeliverRule[],
    clockOf: (windowMs: number) => WindowClock,
    private readonly counters: Pick<Counters, 'conflated'>,
  ) {
    this.rules = rules.map((rule) => ({
      pattern: rule.pattern,
      newest: rule.mode === 'all' ? undefined : { clock: clockOf(rule.windowMs), keyOf: keyReader(rule) },
    }));
  }

  forward(topic: string, message: ArrayBuffer | Uint8Array, kind: CrossingKind): void {
    const newest = kind === CrossingKind.presence ? undefined : ruleFor(this.rules, topic)?.newest;
    if (newest === undefined) {
      this.bus.forward(topic, message, kind);
      return;
    }
    const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
    let lane = this.lanes.get(topic);
    if (lane === undefined) {
      lane = new CrossingLane(
        (crossing) => this.bus.forward(topic, crossing.message, crossing.kind),
        () => this.lanes.delete(topic),
      );
      this.lanes.set(topic, lane);
      newest.clock.begin(lane);
    }
    if (lane.keep(keyOfMessage(newest.keyOf, bytes, kind), { message: bytes.slice(), kind })) this.counters.conflated++;
  }

  subscribe(topic: string): void {
    this.bus.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.bus.unsubscribe(topic);
  }

  start(deliver: Deliver, takeCensus?: TakeCensus): void {
    this.bus.start(deliver, takeCensus);
  }

  survey(question: Question): Promise<readonly Census[]> {
    return this.bus.survey(question);
  }

  /** What waits in a window has not been handed over: it crosses first. */
  confirm(topic: string): Promise<boolean> {
    this.lanes.get(topic)?.crossNow();
    return this.bus.confirm(topic);
  }

  status(): BusStatus {
    return this.bus.status();
  }

  close(): Promise<void> {
    return this.bus.close();
  }
}

/** One topic's messages that wait to cross; gone when a window passes without one. */
class CrossingLane implements Windowed {
  private readonly newest = new Map<string, Crossing>();

  constructor(
    private readonly cross: (crossing: Crossing) => void,
    private readonly quiet: () => void,
  ) {}

  /** Gives whether the message took another's place. */
  keep(key: string, crossing: Crossing): boolean {
    const hasReplaced = this.newest.delete(key);
    this.newest.set(key, crossing);
    return hasReplaced;
  }

  crossNow(): void {
    for (const crossing of this.newest.values()) this.cross(crossing);
    this.newest.clear();
  }

  windowEnded(): boolean {
    const isRunning = this.newest.size > 0;
    this.crossNow();
    if (!isRunning) this.quiet();
    return isRunning;
  }
}

function keyOfMessage(keyOf: KeyReader, bytes: Uint8Array, kind: CrossingKind): string {
  if (kind !== CrossingKind.envelope) return keyOf({ key: undefined, raw: bytes });
  const { body, key } = readParcel(bytes);
  return keyOf({ key, raw: key === undefined ? bodyPayload(body).raw : '' });
}

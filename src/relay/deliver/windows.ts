// Which topics are delivered in windows: by the relay's rules, and by subscribers that asked for a longer window of
// their own.
import type { Bus } from '../../bus/bus.js';
import { crossAtOnce, type NewCrossings } from '../../bus/crossings.js';
import { LastUpdates, PublishClock } from '../../bus/last-updates.js';
import { noBus } from '../../bus/none.js';
import { type KeyReader, keyReader } from '../../config/deliver-key.js';
import type { DeliverRule } from '../../config/deliver-rules.js';
import { ruleFor } from '../../config/topic-rules.js';
import { MAX_WINDOW_MS } from '../../protocol/envelope.js';
import type {
  Audience,
  Connection,
  Delivery,
  Dialect,
  Publication,
  SubscriberLane,
  Topic,
} from '../fanout/audience.js';
import { AllLane } from './all-lane.js';
import { ConflatingBus } from './conflating-bus.js';
import { CrossingRules } from './crossings.js';
import { HeldBytes } from './held-bytes.js';
import type { AudienceAccess, Drainable, Lane, LaneContext } from './lane.js';
import { LatestLane } from './latest-lane.js';
import { WindowClock } from './window-clock.js';

/** The windows that subscribers may have beside the topic's own, in ms: what they ask for is rounded up to the next of
 *  these, so that a topic has few lanes however many ask. */
const LENGTHS_MS = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].flatMap((ten) => [ten, 2 * ten, 5 * ten]);

export class Windows {
  private readonly clocks = new Map<number, WindowClock>();
  private readonly stalledIn = new Map<Connection, Set<Drainable>>();
  private readonly context: LaneContext;
  private ending: NodeJS.Immediate | undefined;
  /** What waits, of all topics together. */
  readonly held: HeldBytes;
  /** For what is on its way to other threads and nodes. */
  readonly newCrossings: NewCrossings;
  /** Whether messages come from other threads and nodes. */
  private hasOthers = false;

  constructor(
    private readonly rules: readonly DeliverRule[],
    context: Omit<LaneContext, 'stalledIn' | 'held'>,
    maxHeldBytes?: number,
    readonly publishClock = new PublishClock(),
  ) {
    this.held = new HeldBytes(() => {
      this.ending ??= setImmediate(this.endLongest);
    }, maxHeldBytes);
    this.context = { ...context, stalledIn: this.stalledIn, held: this.held };
    const { maxBytes } = context;
    const clockOf = (windowMs: number): WindowClock => this.clockOf(windowMs);
    this.newCrossings = rules.every(({ mode }) => mode === 'all')
      ? crossAtOnce
      : new CrossingRules(rules, clockOf, maxBytes, this.held, this.publishClock).newCrossings;
  }

  /** What a new topic is delivered by; undefined where no rule matches it. */
  readonly deliveryOf = (topic: Topic): Delivery | undefined => {
    const rule = ruleFor(this.rules, topic.name);
    return rule && new TopicWindows(topic, rule, this);
  };

  /** `bus`, on which what is replaced within a window does not travel. */
  conflating(bus: Bus): Bus {
    const { newCrossings } = this;
    if (bus === noBus || newCrossings === crossAtOnce) return bus;
    this.hasOthers = true;
    return new ConflatingBus(bus, newCrossings, this.publishClock);
  }

  /** The lane of a subscriber that is written to at most every `everyMs` (0: as the topic is); undefined where that is
   *  at once. */
  laneFor(topic: Topic, everyMs: number): SubscriberLane | undefined {
    if (everyMs > 0) topic.delivery ??= new TopicWindows(topic, undefined, this);
    return topic.delivery?.laneFor(everyMs);
  }

  /** A socket has drained. */
  onDrain(connection: Connection): void {
    for (const lane of this.stalledIn.get(connection) ?? []) lane.onDrain(connection);
  }

  /** Every window ends now: for sockets that are about to be closed. */
  endAll(): void {
    for (const clock of this.clocks.values()) clock.endAll();
  }

  /** Too much waits: the longest windows end before their time, so that those of a moment stay as they are. */
  private readonly endLongest = (): void => {
    this.ending = undefined;
    const longestFirst = [...this.clocks.values()].sort((one, other) => other.windowMs - one.windowMs);
    for (const clock of longestFirst) {
      if (this.held.waiting <= this.held.maxBytes / 2) return;
      clock.endAll();
    }
  };

  /** How many windows run. */
  get running(): number {
    return [...this.clocks.values()].reduce((sum, { length }) => sum + length, 0);
  }

  stop(): void {
    clearImmediate(this.ending);
    for (const clock of this.clocks.values()) clock.stop();
  }

  newLane(topic: Topic, windowMs: number, rule: DeliverRule | undefined, audiences: AudienceAccess): Lane {
    const clock = this.clockOf(windowMs);
    if (rule === undefined || rule.mode === 'all') return new AllLane(topic, clock, this.context, audiences);
    return new LatestLane(topic, clock, this.context, audiences, keyReader(rule));
  }

  /** Undefined for a topic of which nothing comes that may be older than what is here: what its owner has numbered
   *  comes in order. */
  updatesOf(topic: Topic, { mode, windowMs }: DeliverRule): LastUpdates | undefined {
    if (!this.hasOthers || mode === 'all' || topic.history !== undefined) return undefined;
    return new LastUpdates(this.publishClock, ON_ITS_WAY * windowMs + LATE_MS);
  }

  private clockOf(windowMs: number): WindowClock {
    let clock = this.clocks.get(windowMs);
    if (clock === undefined) {
      clock = new WindowClock(windowMs);
      this.clocks.set(windowMs, clock);
    }
    return clock;
  }
}

/** A message may be this many windows on its way, where flushing takes most of them, and this much longer. */
const ON_ITS_WAY = 2;
const LATE_MS = 2000;

/** The lanes of one topic: that of its rule, and longer ones for subscribers that asked for them. */
class TopicWindows implements Delivery {
  taken = 0;
  private readonly base: Lane | undefined;
  private readonly longer = new Map<number, Lane>();
  private readonly updates: LastUpdates | undefined;
  private readonly keyOf: KeyReader | undefined;

  constructor(
    private readonly topic: Topic,
    private readonly rule: DeliverRule | undefined,
    private readonly owner: Pick<Windows, 'newLane' | 'updatesOf' | 'publishClock'>,
  ) {
    if (rule === undefined) return;
    this.updates = owner.updatesOf(topic, rule);
    this.keyOf = keyReader(rule);
    this.base = owner.newLane(topic, rule.windowMs, rule, {
      find: (dialect) => topic.audience(dialect),
      open: (dialect) => offTree(topic.openAudience(dialect), rule),
    });
    offTree(topic.raw, rule);
  }

  take(message: Publication): boolean {
    if (this.updates !== undefined && !this.isNewest(message, this.updates)) {
      this.overtaken(message);
      return true;
    }
    this.taken++;
    this.base?.take(message);
    for (const [windowMs, lane] of this.longer) {
      if (lane.size > 0) lane.take(message);
      else {
        this.longer.delete(windowMs);
        lane.end();
      }
    }
    return this.base !== undefined;
  }

  overtaken(message: Pick<Publication, 'sender' | 'replaced'>): void {
    this.taken++;
    this.base?.overtaken(message);
    for (const lane of this.longer.values()) if (lane.size > 0) lane.overtaken(message);
  }

  private isNewest(message: Publication, updates: LastUpdates): boolean {
    const { publishClock } = this.owner;
    const { publishedAtMs } = message;
    if (publishedAtMs === 'unknown') return true;
    if (publishedAtMs !== undefined) publishClock.heard(publishedAtMs);
    return updates.note(this.keyOf?.(message) ?? '', publishedAtMs ?? publishClock.now());
  }

  end(): void {
    this.updates?.end();
    this.base?.end();
    for (const lane of this.longer.values()) lane.end();
  }

  laneFor(everyMs: number): Lane | undefined {
    if (everyMs <= (this.rule?.windowMs ?? 0)) return this.base;
    const windowMs = Math.min(MAX_WINDOW_MS, LENGTHS_MS.find((length) => length >= everyMs) ?? MAX_WINDOW_MS);
    let lane = this.longer.get(windowMs);
    if (lane === undefined) {
      lane = this.owner.newLane(this.topic, windowMs, this.rule, ownAudiences(this.topic, this.rule));
      this.longer.set(windowMs, lane);
    }
    return lane;
  }

  *envelopedOutside(): Iterable<Connection> {
    if (this.base !== undefined) yield* this.base.enveloped(false);
    for (const lane of this.longer.values()) yield* lane.enveloped(true);
  }

  get outside(): number {
    let outside = this.base?.outside ?? 0;
    for (const lane of this.longer.values()) outside += lane.size;
    return outside;
  }
}

/** One message a window needs none of what uWS's topic tree is good for. Off it, a frame of 16 KiB and more takes no
 *  buffer of each socket's own, which uWS would keep. */
function offTree(audience: Audience, rule: DeliverRule | undefined): Audience {
  if (rule?.mode === 'latest') audience.isOnTree = false;
  return audience;
}

function ownAudiences(topic: Topic, rule: DeliverRule | undefined): AudienceAccess {
  const audiences = new Map<Dialect, Audience>();
  return {
    find: (dialect) => audiences.get(dialect),
    open: (dialect) => {
      const audience = audiences.get(dialect) ?? offTree(topic.newAudience(dialect), rule);
      audiences.set(dialect, audience);
      return audience;
    },
  };
}

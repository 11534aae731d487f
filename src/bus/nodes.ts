// How the nodes of a cluster know each other: each announces itself and its rules every two seconds, so that a
// difference is noticed and bridged, and a node that died is noticed by all the others.
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../base/log.js';
import { ANNOUNCEMENT, type Announcement, differencesOf, type NodeRules, type OptionDifference } from './rules.js';

const BEAT_MS = 2000;
/** A node that was silent for this long is gone: three announcements, and some time for a busy one that is late. */
const GONE_AFTER_MS = 7000;
/** How long a node that joins waits for the others to say their rules. */
const ASK_MS = 150;
/** Asks a node to say its members again, and how soon it does. */
const AGAIN = 'again';
const AGAIN_MS = 1000;
/** How many nodes are remembered: anyone who may publish at NATS could invent more. */
const MAX_NODES = 10_000;

export interface NodesOptions {
  /** First tokens of the cluster's subjects. */
  readonly prefix: string;
  readonly self: Pick<Announcement, 'node' | 'name' | 'version'>;
  readonly rules: NodeRules;
  readonly log: Logger;
}

/** Told of what changes. */
export interface NodesObserver {
  /** Another node has come or gone, or goes by other rules now. */
  rulesChanged(): void;
  /** The relay whose connections' ids begin with this has ended. */
  originGone(origin: string): void;
  /** What others know of this node's members may be behind: NATS was away, here or there. */
  presenceInDoubt(): void;
}

interface Known {
  said: Announcement;
  heardAtMs: number;
}

export class Nodes {
  /** The relays of this node that live. */
  origins: () => readonly string[] = () => [];
  /** Whether this node has what its rules need; its rules are not announced before. */
  isReady: () => boolean = () => true;
  private readonly observers: Partial<NodesObserver>[] = [];
  private readonly known = new Map<string, Known>();
  private nats: NatsConnection | undefined;
  private connectedAtMs = 0;
  private differing: readonly OptionDifference[] = [];
  /** Resolves when the others had time to say their rules. */
  asked: Promise<void> = Promise.resolve();
  private readonly beating: NodeJS.Timeout;
  private wasConnected = false;
  /** Nodes that were given up in silence and have not come back: their members were reported as having left. */
  private readonly forgotten = new Set<string>();
  private again: NodeJS.Timeout | undefined;

  constructor(private readonly options: NodesOptions) {
    this.beating = setInterval(() => this.beat(), BEAT_MS).unref();
  }

  attend(observer: Partial<NodesObserver>): void {
    this.observers.push(observer);
  }

  /** How many others there are. */
  get size(): number {
    return this.known.size;
  }

  /** Where others differ from this node. */
  get differences(): readonly OptionDifference[] {
    return this.differing;
  }

  /** The rules of the others. */
  get others(): readonly NodeRules[] {
    return [...this.known.values()].map(({ said }) => said.rules);
  }

  connected(nats: NatsConnection): void {
    const isOther = nats !== this.nats;
    this.nats = nats;
    this.connectedAtMs = performance.now();
    if (isOther) nats.subscribe(this.subject('*'), { callback: (_, message) => this.hear(message) });
    const inbox = `${this.subject('answers')}.${this.options.self.node}`;
    if (isOther) nats.subscribe(inbox, { callback: (_, message) => this.hear(message) });
    // Back after a while, it has missed who came and went elsewhere, and others here.
    nats.publish(this.subject('ask'), this.wasConnected ? AGAIN : '', { reply: inbox });
    if (this.wasConnected) this.sayAgainSoon();
    this.wasConnected = true;
    this.asked = new Promise((resolve) => setTimeout(resolve, ASK_MS).unref());
  }

  disconnected(): void {
    this.connectedAtMs = Number.POSITIVE_INFINITY; // this node's own silence must not count against others
  }

  /** Says that this node is there, and by which rules it goes. */
  announce(): void {
    this.say(this.subject('here'));
  }

  stop(): void {
    clearInterval(this.beating);
    clearTimeout(this.again);
    this.say(this.subject('here'), true);
  }

  private say(subject: string, bye = false): void {
    const { nats, options } = this;
    if (nats === undefined || nats.isClosed() || !this.isReady()) return;
    const said: Announcement = {
      ...options.self,
      origins: bye ? [] : [...this.origins()],
      rules: options.rules as Announcement['rules'],
      ...(bye && { bye }),
    };
    try {
      nats.publish(subject, JSON.stringify(said));
    } catch {
      // The connection is ending: the next one sends it again.
    }
  }

  private hear(message: Msg): void {
    const last = message.subject.slice(message.subject.lastIndexOf('.') + 1);
    if (last === 'ask') {
      if (message.reply !== undefined) this.say(message.reply);
      if (message.string() === AGAIN) this.sayAgainSoon();
      return;
    }
    if (last === AGAIN) {
      if (message.string() === this.options.self.node) this.sayAgainSoon();
      return;
    }
    const parsed = ANNOUNCEMENT.safeParse(parseJson(message.string()));
    if (parsed.success && parsed.data.node !== this.options.self.node) this.take(parsed.data);
  }

  private take(said: Announcement): void {
    const earlier = this.known.get(said.node);
    if (said.bye) {
      if (earlier !== undefined) this.forget(earlier);
      return;
    }
    if (earlier === undefined && this.known.size >= MAX_NODES) return;
    this.known.set(said.node, { said, heardAtMs: performance.now() });
    for (const origin of earlier?.said.origins ?? []) {
      if (!said.origins.includes(origin)) this.tell((observer) => observer.originGone?.(origin));
    }
    if (JSON.stringify(earlier?.said.rules) !== JSON.stringify(said.rules)) this.compare();
    if (earlier === undefined) {
      this.announce();
      // Those who were told that its members have left must be told of them again.
      if (this.forgotten.delete(said.node)) this.nats?.publish(this.subject(AGAIN), said.node);
    }
  }

  /** Once for all who ask, and after a random delay: after an outage of NATS all nodes do this. */
  private sayAgainSoon(): void {
    this.again ??= setTimeout(
      () => {
        this.again = undefined;
        this.tell((observer) => observer.presenceInDoubt?.());
      },
      AGAIN_MS * (1 + Math.random()),
    ).unref();
  }

  private beat(): void {
    this.announce();
    const now = performance.now();
    if (now - this.connectedAtMs < GONE_AFTER_MS || this.connectedAtMs === Number.POSITIVE_INFINITY) return;
    for (const known of [...this.known.values()]) {
      if (now - known.heardAtMs < GONE_AFTER_MS) continue;
      this.options.log.warn({ node: known.said.name, afterMs: GONE_AFTER_MS }, 'a node of the cluster is gone');
      if (this.forgotten.size < MAX_NODES) this.forgotten.add(known.said.node);
      this.forget(known);
    }
  }

  private forget({ said }: Known): void {
    this.known.delete(said.node);
    for (const origin of said.origins) this.tell((observer) => observer.originGone?.(origin));
    this.compare();
  }

  private compare(): void {
    const { rules, log } = this.options;
    const before = new Set(this.differing.map((each) => JSON.stringify(each)));
    this.differing = [...this.known.values()].flatMap(({ said }) => differencesOf(rules, said.rules, said.name));
    for (const difference of this.differing) {
      if (before.has(JSON.stringify(difference))) continue;
      const { option, node, here, there } = difference;
      log.warn({ node, option: `--${option}`, here, there }, 'a node of the cluster goes by another rule: bridged');
    }
    if (before.size > 0 && this.differing.length === 0) log.info('all nodes of the cluster go by the same rules again');
    this.tell((observer) => observer.rulesChanged?.());
  }

  private tell(what: (observer: Partial<NodesObserver>) => void): void {
    for (const observer of this.observers) what(observer);
  }

  private subject(last: string): string {
    return `${this.options.prefix}.cluster.nodes.${last}`;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// What a scenario works with: its own relay, the client under test, and functions to wait and judge.
import type { Ability, Adapter, Waits } from './adapter.js';
import type { FaultyRelay } from './relay.js';

export interface ConformScenario {
  readonly name: string;
  /** What is played, in one line. */
  readonly about: string;
  readonly needs?: readonly Ability[];
  play(stage: Stage): Promise<void>;
}

export interface Judgement {
  readonly scenario: string;
  readonly name: string;
  readonly isGood: boolean;
  readonly expected: string;
  readonly seen: string;
}

/** How long to wait for something that a correct client does much earlier. */
const LIMIT_MS = 10_000;
/** The limit after a client has missed one: it is not correct, so do not wait as long again. */
const LATER_LIMIT_MS = 1000;

export const WAITS: Waits = { backoffBaseMs: 20, backoffCapMs: 200, connectTimeoutMs: 600, heartbeatMs: 400 };

export class Stage {
  readonly judgements: Judgement[] = [];
  private readonly watchers = new Set<() => void>();
  private refs = 0;
  private hasConnected = false;
  private limitMs = LIMIT_MS;

  relay!: FaultyRelay;
  client!: Adapter;

  constructor(
    private readonly scenario: string,
    /** Factor for all time limits. */
    private readonly patience: number,
    private readonly stop: AbortSignal,
  ) {}

  /** Called when something arrives from the client, at the adapter or at the relay. */
  readonly changed = (): void => {
    for (const watcher of this.watchers) watcher();
  };

  /** Waits until `holds` returns true; false if it did not in time, if the adapter ended or if the run was stopped. */
  until(holds: () => boolean, limitMs = this.limitMs): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (result: boolean): void => {
        clearTimeout(timer);
        this.watchers.delete(look);
        resolve(result);
      };
      const look = (): void => {
        if (holds()) end(true);
        else if (this.client.ended !== undefined || this.stop.aborted) end(false);
      };
      const passed = (): void => {
        if (limitMs === LIMIT_MS) this.limitMs = LATER_LIMIT_MS;
        end(holds());
      };
      const timer = setTimeout(passed, limitMs * this.patience);
      this.watchers.add(look);
      look();
    });
  }

  /** Waits for a time in which something must not happen. */
  async pass(ms: number): Promise<void> {
    await this.until(() => false, ms / this.patience);
  }

  /** Adds one named line to the verdict. */
  judge(name: string, isGood: boolean, expected: unknown, seen: unknown): void {
    const { scenario } = this;
    this.judgements.push({ scenario, name, isGood, expected: inWords(expected), seen: inWords(seen) });
  }

  judgeEqual(name: string, seen: unknown, expected: unknown): void {
    this.judge(name, JSON.stringify(seen) === JSON.stringify(expected), expected, seen);
  }

  connect(more: { url?: string; tokens?: readonly string[]; waits?: Partial<Waits> } = {}): void {
    const { url = this.relay.url, tokens, waits } = more;
    this.hasConnected = true;
    this.client.tell({ do: 'connect', url, ...(tokens && { tokens }), options: { ...WAITS, ...waits } });
  }

  /** Connects, subscribes, and waits until the subscription is live. */
  async join(topic: string, history?: number): Promise<boolean> {
    if (!this.hasConnected) this.connect();
    this.client.tell({ do: 'subscribe', topic, ...(history !== undefined && { history }) });
    return this.until(() => this.client.all('live', topic).length > 0);
  }

  /** Makes the client publish; returns the number that identifies the outcome. */
  publish(topic: string, data: unknown): number {
    const ref = ++this.refs;
    this.client.tell({ do: 'publish', ref, topic, data });
    return ref;
  }

  /** Waits until `count` messages of the topic have arrived, and a moment longer in case there is one too many. */
  async heard(topic: string, count: number): Promise<void> {
    await this.until(() => this.client.messages(topic).length >= count);
    await this.pass(60);
  }
}

/** A value as one line; long ones are shortened in the middle. */
function inWords(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  return text.length > 300 ? `${text.slice(0, 140)} … ${text.slice(-140)}` : text;
}

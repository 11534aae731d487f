// What a scenario plays on: a relay of its own, the client under test, and the means to judge.
import type { Ability, Adapter, Waits } from './adapter.js';
import type { FaultyRelay } from './relay.js';

export interface ConformScenario {
  readonly name: string;
  /** What is played, in a line. */
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

/** How long something is waited for that a right client does much earlier. */
const LIMIT_MS = 10_000;
/** The same once a client has let a limit pass: it is not right. */
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
    /** All limits are so many times as long. */
    private readonly patience: number,
    private readonly stop: AbortSignal,
  ) {}

  /** Something came from the client, to the adapter or the relay. */
  readonly changed = (): void => {
    for (const watcher of this.watchers) watcher();
  };

  /** Waits until `holds`; false where it did not in time, or the adapter ended. */
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

  /** Lets time pass in which something must not happen. */
  async pass(ms: number): Promise<void> {
    await this.until(() => false, ms / this.patience);
  }

  /** One named line of the verdict. */
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

  /** Connects, subscribes and waits until that is live. */
  async join(topic: string, history?: number): Promise<boolean> {
    if (!this.hasConnected) this.connect();
    this.client.tell({ do: 'subscribe', topic, ...(history !== undefined && { history }) });
    return this.until(() => this.client.all('live', topic).length > 0);
  }

  /** Has the client publish; the number its outcome is known by. */
  publish(topic: string, data: unknown): number {
    const ref = ++this.refs;
    this.client.tell({ do: 'publish', ref, topic, data });
    return ref;
  }

  /** Waits until so many messages of the topic came, and a moment longer for one too many. */
  async heard(topic: string, count: number): Promise<void> {
    await this.until(() => this.client.messages(topic).length >= count);
    await this.pass(60);
  }
}

/** Values in a line, the ends of long ones left out. */
function inWords(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  return text.length > 300 ? `${text.slice(0, 140)} … ${text.slice(-140)}` : text;
}

// The client under test, behind its adapter: a child process that is told what to do and tells what happens, a line of
// JSON each (docs/conformance.md).
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { FanwireError } from '../../src/base/error.js';
import { isRunning, signalGroup } from '../system/signal-child.js';

/** What a client may lack; a scenario that needs it is left out then. */
export const ABILITIES = ['publish', 'history', 'token', 'tokens', 'refusals'] as const;
export type Ability = (typeof ABILITIES)[number];

/** What an adapter is told. */
export type AdapterCommand =
  | { readonly do: 'connect'; readonly url: string; readonly tokens?: readonly string[]; readonly options: Waits }
  | { readonly do: 'subscribe'; readonly topic: string; readonly history?: number }
  | { readonly do: 'unsubscribe'; readonly topic: string }
  | { readonly do: 'publish'; readonly ref: number; readonly topic: string; readonly data?: unknown; base64?: string }
  | { readonly do: 'close' };

/** Short waits, so that a run takes seconds. All in ms, named as the options of `fanwire/client`. */
export interface Waits {
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  readonly connectTimeoutMs: number;
  readonly heartbeatMs: number;
}

/** What an adapter tells. */
export interface AdapterEvent {
  readonly event: string;
  readonly name?: string;
  readonly can?: readonly string[];
  readonly state?: string;
  readonly topic?: string;
  readonly data?: unknown;
  readonly base64?: string;
  readonly reason?: string;
  readonly code?: string;
  readonly ref?: number;
  /** When the suite read it, by performance.now(). */
  readonly atMs: number;
}

/** How much of what it writes to stderr is kept. */
const STDERR_CHARS = 2000;

export class Adapter {
  readonly told: AdapterEvent[] = [];
  private stderr = '';
  /** How it ended, where it was not asked to. */
  ended: string | undefined;

  private constructor(
    private readonly child: ChildProcess,
    private readonly changed: () => void,
  ) {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => this.hear(line));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-STDERR_CHARS);
    });
    child.stdin?.on('error', () => {}); // it has ended, which is told below
    child.once('error', (error) => this.end(error.message));
    child.once('close', (code, signal) => this.end(`it ended with ${signal ?? code}`));
  }

  /** @throws FanwireError FANWIRE_CONFORM_ADAPTER where it does not say that it is ready */
  static async start(command: readonly string[], limitMs: number, changed: () => void): Promise<Adapter> {
    const [program, ...args] = command as [string, ...string[]];
    // A group of its own, so that what a wrapper (npx, a shell) starts ends with it.
    const child = spawn(program, args, { stdio: 'pipe', detached: true });
    let look = (): void => {};
    const adapter = new Adapter(child, () => {
      look();
      changed();
    });
    const isReady = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), limitMs);
      look = () => {
        if (adapter.ended === undefined && adapter.all('ready').length === 0) return;
        clearTimeout(timer);
        resolve(adapter.ended === undefined);
      };
    });
    if (isReady) return adapter;
    adapter.stop();
    const why = adapter.ended ?? `no "ready" within ${limitMs} ms`;
    throw new FanwireError('FANWIRE_CONFORM_ADAPTER', `${command.join(' ')}: ${why}${adapter.lastWords}`);
  }

  get name(): string {
    return this.all('ready')[0]?.name ?? 'a client without a name';
  }

  can(ability: Ability): boolean {
    return this.all('ready')[0]?.can?.includes(ability) ?? false;
  }

  /** What it wrote to stderr last, to be put behind a sentence. */
  get lastWords(): string {
    return this.stderr === '' ? '' : `; stderr: ${this.stderr.trim()}`;
  }

  tell(command: AdapterCommand): void {
    this.child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  all(event: string, topic?: string): AdapterEvent[] {
    return this.told.filter((told) => told.event === event && (topic === undefined || told.topic === topic));
  }

  /** The data of all messages of a topic. */
  messages(topic: string): unknown[] {
    return this.all('message', topic).map(({ data, base64 }) => (base64 === undefined ? data : { base64 }));
  }

  gaps(topic: string): (string | undefined)[] {
    return this.all('gap', topic).map(({ reason }) => reason);
  }

  get state(): string | undefined {
    return this.all('state').at(-1)?.state;
  }

  /** How a publish ended: `ok`, a code, or undefined while it has not; `twice` where it was told again. */
  outcome(ref: number): string | undefined {
    const ends = this.told.filter((told) => told.ref === ref);
    if (ends.length > 1) return 'twice';
    return ends[0]?.event === 'published' ? 'ok' : ends[0]?.code;
  }

  /** Closes its stdin, at which an adapter ends. True where it did within the limit. */
  async leave(limitMs: number): Promise<boolean> {
    const { child } = this;
    child.stdin?.end();
    if (!isRunning(child)) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), limitMs);
      child.once('close', () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  stop(): void {
    signalGroup(this.child, 'SIGKILL');
  }

  private hear(line: string): void {
    try {
      this.told.push({ ...JSON.parse(line), atMs: performance.now() });
      this.changed();
    } catch {
      this.stderr = `${this.stderr}a line on stdout that is no JSON: ${line}\n`.slice(-STDERR_CHARS);
    }
  }

  private end(why: string): void {
    this.ended ??= why;
    this.changed();
  }
}

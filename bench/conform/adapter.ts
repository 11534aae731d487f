// The client under test, behind its adapter: a child process that receives commands and reports events, one line of
// JSON each (docs/conformance.md).
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { FanwireError } from '../../src/base/error.js';
import { isRunning, signalGroup } from '../system/signal-child.js';

/** Abilities that a client may lack; scenarios that need a missing one are skipped. */
export const ABILITIES = ['publish', 'history', 'token', 'tokens', 'refusals'] as const;
export type Ability = (typeof ABILITIES)[number];

/** Commands to an adapter. */
export type AdapterCommand =
  | { readonly do: 'connect'; readonly url: string; readonly tokens?: readonly string[]; readonly options: Waits }
  | { readonly do: 'subscribe'; readonly topic: string; readonly history?: number }
  | { readonly do: 'unsubscribe'; readonly topic: string }
  | { readonly do: 'publish'; readonly ref: number; readonly topic: string; readonly data?: unknown; base64?: string }
  | { readonly do: 'close' };

/** Short times, so that a run takes seconds. All in ms, named like the options of `fanwire/client`. */
export interface Waits {
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  readonly connectTimeoutMs: number;
  readonly heartbeatMs: number;
}

/** An event from an adapter. */
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
  /** When the suite read it, on the clock of performance.now(). */
  readonly atMs: number;
}

/** How much of its stderr is kept. */
const STDERR_CHARS = 2000;

export class Adapter {
  readonly told: AdapterEvent[] = [];
  private stderr = '';
  /** How it ended, if the suite did not end it. */
  ended: string | undefined;

  private constructor(
    private readonly child: ChildProcess,
    private readonly changed: () => void,
  ) {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => this.hear(line));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-STDERR_CHARS);
    });
    child.stdin?.on('error', () => {}); // the process has ended, which the next two handlers report
    child.once('error', (error) => this.end(error.message));
    child.once('close', (code, signal) => this.end(`it ended with ${signal ?? code}`));
  }

  /** @throws FanwireError FANWIRE_CONFORM_ADAPTER if it does not report that it is ready */
  static async start(command: readonly string[], limitMs: number, changed: () => void): Promise<Adapter> {
    const [program, ...args] = command as [string, ...string[]];
    // Its own process group, so that what a wrapper (npx, a shell) starts is ended too.
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

  /** The end of its stderr, to append to a sentence. */
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

  /** How a publish ended: `ok`, a code, or undefined while it is open; `twice` if an end was reported more than once.
   *  */
  outcome(ref: number): string | undefined {
    const ends = this.told.filter((told) => told.ref === ref);
    if (ends.length > 1) return 'twice';
    return ends[0]?.event === 'published' ? 'ok' : ends[0]?.code;
  }

  /** Closes its stdin, which tells an adapter to end. True if it ended within the limit. */
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

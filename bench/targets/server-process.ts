// Starts a server under test as a child process, waits until it listens, and stops it with all its own children.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FanwireError } from '../../src/base/error.js';
import { withoutOwnVariables } from '../../src/config/sources.js';
import { pinnedCommand } from '../measure/pinning.js';
import { raisedCommand } from '../measure/priority.js';
import { isGroupRunning, killMarked, STARTED_AS } from '../system/left-behind.js';
import { isRunning, signalGroup } from '../system/signal-child.js';
import { lastWords } from './last-words.js';
import { untilReady } from './readiness.js';
import { shownText } from './secrets.js';

/** Long enough for a JVM on a busy machine. */
const START_TIMEOUT_MS = 30_000;
/** Time between SIGTERM and SIGKILL. */
const STOP_TIMEOUT_MS = 3_000;
const KEPT_OUTPUT = 4_000;
const POLL_MS = 20;
/** Where it may listen: what `localhost` is, and in which order, differs from machine to machine. */
const LOOPBACK = ['127.0.0.1', '::1'] as const;

export class ServerProcess {
  private readonly child: ChildProcess;
  private readonly mark = randomUUID();
  private readonly deadline = Date.now() + START_TIMEOUT_MS;
  /** Where it was found to listen. */
  host: string = LOOPBACK[0];
  private output = '';
  private isStopped = false;
  private onOutput: (() => void) | undefined;

  /** `command` is the program and its arguments. It gets its own process group, so that `stop` also ends its children.
   *  */
  constructor(
    command: readonly string[],
    env: Readonly<Record<string, string>>,
    cores: readonly number[],
    private readonly shown = `\`${command.join(' ')}\``,
    private readonly signal?: AbortSignal,
  ) {
    const [program, ...args] = pinnedCommand(raisedCommand(command), cores);
    this.child = spawn(program as string, args, {
      env: { ...withoutOwnVariables(process.env), ...env, [STARTED_AS]: this.mark },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const keep = (text: string) => {
      this.output = (this.output + text).slice(-KEPT_OUTPUT);
      this.onOutput?.();
    };
    this.child.stdout?.setEncoding('utf8').on('data', keep);
    this.child.stderr?.setEncoding('utf8').on('data', keep);
    this.child.on('error', (error) => keep(error.message));
    process.once('exit', this.killAll);
  }

  /** Starts `command` and waits until it listens on `port` on loopback; if it does not, it is stopped.
   *  @throws FanwireError FANWIRE_BENCH_TARGET, and the reason of `signal`, which ends it at once */
  static async listening(
    port: number,
    command: readonly string[],
    env: Readonly<Record<string, string>>,
    cores: readonly number[],
    shown?: string,
    signal?: AbortSignal,
  ): Promise<ServerProcess> {
    const server = new ServerProcess(command, env, cores, shown, signal);
    try {
      server.host = await server.unlessInterrupted(() => server.listensOn(port));
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Waits until `find` finds something in the output.
   *  @throws FanwireError FANWIRE_BENCH_TARGET when the process ends or nothing is found in time */
  findInOutput<T>(find: (output: string) => T | undefined): Promise<T> {
    return this.unlessInterrupted(() => this.waitForOutput(find));
  }

  private async waitForOutput<T>(find: (output: string) => T | undefined): Promise<T> {
    for (;;) {
      const found = find(this.output);
      if (found !== undefined) return found;
      this.requireAlive();
      await Promise.race([sleep(50), new Promise<void>((resolve) => (this.onOutput = resolve))]);
    }
  }

  /** Waits until a server that listens is ready for clients at `url`, which is without the topic; if it does not get
   *  ready in the time that it has to start, it is stopped.
   *  @throws FanwireError FANWIRE_BENCH_TARGET */
  async takesClients(url: string): Promise<void> {
    const isAlive = (): boolean => isRunning(this.child);
    const limitMs = this.deadline - Date.now();
    const asked = async (): Promise<string | undefined> => {
      const refusal = await untilReady(url, limitMs, isAlive);
      this.signal?.throwIfAborted();
      return refusal;
    };
    const answer = await this.unlessInterrupted(asked).catch(async (error) => {
      await this.stop();
      throw error;
    });
    // One that ends at its first client, having refused none, is for its runs to tell.
    if (answer === undefined) return;
    const what = isAlive() ? `was not ready within ${START_TIMEOUT_MS / 1000} s` : this.howItEnded();
    await this.stop();
    this.refuse(`listened and answered ${answer}, and ${what}`);
  }

  private async listensOn(port: number): Promise<string> {
    for (;;) {
      const answers = await Promise.all(LOOPBACK.map((host) => accepts(port, host)));
      const host = LOOPBACK[answers.indexOf(true)];
      this.requireAlive(host !== undefined, port);
      if (host !== undefined) return host;
      await sleep(50);
    }
  }

  /** Waits for a part of the start; an interrupt ends the process, which may take half a minute otherwise. */
  private async unlessInterrupted<T>(start: () => Promise<T>): Promise<T> {
    this.signal?.throwIfAborted();
    this.signal?.addEventListener('abort', this.killAll);
    try {
      return await start();
    } catch (error) {
      this.signal?.throwIfAborted();
      throw error;
    } finally {
      this.signal?.removeEventListener('abort', this.killAll);
    }
  }

  /** How it ended, with the reason from its output; undefined while it runs and after `stop`. */
  ending(): string | undefined {
    if (this.isStopped || isRunning(this.child)) return undefined;
    const said = lastWords(this.output);
    return `${this.howItEnded()}${said === '' ? '' : `: ${said}`}`;
  }

  /** Ends the process group, SIGTERM, then SIGKILL, and whatever has left the group. A program that has ended by
   *  itself may have left servers behind. */
  async stop(): Promise<void> {
    process.off('exit', this.killAll);
    this.isStopped = true;
    if (this.child.pid === undefined) return;
    const gone = isRunning(this.child)
      ? new Promise<void>((resolve) => this.child.once('exit', () => resolve()))
      : undefined;
    signalGroup(this.child, 'SIGTERM');
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    const impatience = setTimeout(this.killAll, STOP_TIMEOUT_MS);
    await gone;
    while (isGroupRunning(this.child.pid) && Date.now() < deadline) await sleep(POLL_MS);
    clearTimeout(impatience);
    this.killAll();
    // A killed process holds its port for a moment; one that the kernel cannot end is not waited for.
    for (let polls = 0; polls < STOP_TIMEOUT_MS / POLL_MS && isGroupRunning(this.child.pid); polls++)
      await sleep(POLL_MS);
    // Whoever holds them open would keep this process from ending.
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }

  private readonly killAll = () => {
    signalGroup(this.child, 'SIGKILL');
    killMarked(this.mark);
  };

  /** Such as "ended with exit code 3" or "was ended by SIGKILL". */
  private howItEnded(): string {
    const { exitCode, signalCode } = this.child;
    if (signalCode !== null) return `was ended by ${signalCode}`;
    return exitCode === null ? 'could not be started' : `ended with exit code ${exitCode}`;
  }

  private requireAlive(isListening = false, port?: number): void {
    const ended = !isRunning(this.child);
    if (!ended && (isListening || Date.now() < this.deadline)) return;
    const where = port === undefined ? '' : ` on port ${port} of ${LOOPBACK.join(' or ')}`;
    const what = ended
      ? `${this.howItEnded()} ${isListening ? 'while something listened: it must stay in the foreground' : 'before it listened'}`
      : `did not listen${where} within ${START_TIMEOUT_MS / 1000} s`;
    this.refuse(what);
  }

  private refuse(what: string): never {
    const said = lastWords(this.output);
    throw new FanwireError('FANWIRE_BENCH_TARGET', `${shownText(this.shown)} ${what}${said === '' ? '' : `: ${said}`}`);
  }
}

function accepts(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}

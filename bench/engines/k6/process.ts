// The running k6: starts it with a plan, reads its log line by line, and ends it however the run ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { FanwireError } from '../../../src/base/error.js';
import { type K6Line, readLine } from '../../k6/lib/lines.js';
import { raiseSession } from '../../measure/priority.js';
import { isRunning, signalChild } from '../../system/signal-child.js';

/** k6's own exit code for crossed thresholds; the result is complete. */
const EXIT_THRESHOLDS = 99;
const KEPT_ERRORS = 5;
const KILL_AFTER_MS = 3000;

export class K6Process {
  private readonly child: ChildProcess;
  private readonly errors: string[] = [];
  private readonly ended: Promise<number | string>;

  constructor(command: readonly string[], env: NodeJS.ProcessEnv, onLine: (line: K6Line) => void) {
    const [program, ...args] = command;
    this.child = spawn(program as string, args, { stdio: ['ignore', 'ignore', 'pipe'], env, detached: true });
    raiseSession(this.child.pid);
    process.once('exit', this.kill);
    const log = createInterface({ input: this.child.stderr as NodeJS.ReadableStream });
    log.on('line', (entry) => this.read(entry, onLine));
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => resolve(error.message));
      this.child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    void this.ended.then(() => process.off('exit', this.kill));
  }

  /** undefined when k6 could not be started; `finished` then says why. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Resolves when k6 has played the whole plan, whether or not thresholds were crossed.
   *  @throws FanwireError FANWIRE_K6_FAILED when it ended in any other way */
  async finished(): Promise<void> {
    const ended = await this.ended;
    if (ended === 0 || ended === EXIT_THRESHOLDS) return;
    const why = this.errors.length === 0 ? 'it printed no error' : this.errors.join('; ');
    throw new FanwireError('FANWIRE_K6_FAILED', `k6 ended with ${ended}: ${why}`);
  }

  /** Ends k6 if it still runs: SIGTERM first, SIGKILL if that does not help. */
  async end(): Promise<void> {
    if (!isRunning(this.child)) return;
    signalChild(this.child, 'SIGTERM');
    const kill = setTimeout(() => signalChild(this.child, 'SIGKILL'), KILL_AFTER_MS);
    await this.ended;
    clearTimeout(kill);
  }

  private readonly kill = () => void signalChild(this.child, 'SIGKILL');

  private read(entry: string, onLine: (line: K6Line) => void): void {
    const { level, msg } = parseEntry(entry);
    const line = readLine(msg);
    if (line !== undefined) onLine(line);
    else if (level === 'error' && this.errors.length < KEPT_ERRORS) this.errors.push(msg.split('\n')[0] as string);
  }
}

/** Parses one entry of k6's JSON log. An entry that is not JSON (a Go panic) counts as an error. */
function parseEntry(entry: string): { readonly level: string; readonly msg: string } {
  try {
    const { level = '', msg = '' } = JSON.parse(entry) as { level?: string; msg?: string };
    return { level, msg };
  } catch {
    return { level: 'error', msg: entry };
  }
}

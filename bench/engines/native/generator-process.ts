// A generator process as the engine sees it: start it, send to it, wait for its messages, end it.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FanwireError } from '../../../src/base/error.js';
import { pinProcess } from '../../measure/pinning.js';
import { raiseProcess } from '../../measure/priority.js';
import { isRunning, signalChild } from '../../system/signal-child.js';
import type { GeneratorCommand, GeneratorMessage, IntervalReport, Role } from './messages.js';

const ENTRY = fileURLToPath(new URL('./generator.js', import.meta.url));

/** At low rates, the code that reads messages would run interpreted for seconds. With these flags the p50 of 50
 *  subscribers at 20 msg/s fell by a tenth. */
const COMPILED_AT_ONCE = ['--always-sparkplug', '--no-lazy-feedback-allocation'];

/** Messages that a process sends once per run and that the engine waits for. */
type Awaited = Exclude<GeneratorMessage, IntervalReport>;

export class GeneratorProcess {
  private readonly child: ChildProcess;
  private readonly arrived = new Map<string, Awaited>();
  private readonly waiting = new Map<string, (message: Awaited) => void>();
  private readonly failed: Promise<never>;

  constructor(
    readonly role: Role,
    cores: readonly number[],
    onInterval: (interval: IntervalReport) => void,
  ) {
    this.child = fork(ENTRY, { serialization: 'advanced', execArgv: COMPILED_AT_ONCE });
    if (this.child.pid !== undefined) {
      pinProcess(this.child.pid, cores);
      raiseProcess(this.child.pid, role === 'publishers' ? 1 : 0);
    }
    this.child.on('message', (message: GeneratorMessage) => {
      if (message.kind === 'interval') onInterval(message);
      else this.arrive(message);
    });
    this.failed = new Promise((_, reject) => {
      const fail = (why: string) =>
        reject(new FanwireError('FANWIRE_BENCH_GENERATOR', `a generator process (${role}) ${why}`));
      this.child.on('error', (error) => fail(`could not start: ${error.message}`));
      this.child.on('exit', (code, signal) => fail(`ended early with ${signal ?? `exit code ${code}`}`));
    });
    // `receive` awaits this together with each message; a rejection between two calls must not count as unhandled.
    this.failed.catch(() => {});
  }

  send(command: GeneratorCommand): void {
    if (this.child.connected) this.child.send(command);
  }

  /** The message of this kind, as soon as it has arrived.
   *  @throws FanwireError FANWIRE_BENCH_GENERATOR when the process ended before */
  receive<K extends Awaited['kind']>(kind: K): Promise<Extract<Awaited, { kind: K }>> {
    const here = this.arrived.get(kind);
    if (here !== undefined) return Promise.resolve(here as Extract<Awaited, { kind: K }>);
    const coming = new Promise<Awaited>((resolve) => this.waiting.set(kind, resolve));
    return Promise.race([coming, this.failed]) as Promise<Extract<Awaited, { kind: K }>>;
  }

  /** Ends the process; resolves when it has exited. */
  async end(): Promise<void> {
    if (!isRunning(this.child)) return;
    const gone = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.send({ kind: 'close' });
    const impatience = setTimeout(() => signalChild(this.child, 'SIGKILL'), 3000);
    await gone;
    clearTimeout(impatience);
  }

  private arrive(message: Awaited): void {
    this.arrived.set(message.kind, message);
    this.waiting.get(message.kind)?.(message);
  }
}

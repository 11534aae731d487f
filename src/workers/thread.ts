// One worker thread as the main thread sees it: calls that are answered, and how it ends, also where the program does.
import type { TransferListItem } from 'node:worker_threads';
import { Worker } from 'node:worker_threads';
import { errorFrom, FanwireError } from '../base/error.js';
import '../bus/last-updates.js'; // here before the first worker, which has its clock from this thread
import type { AnswerOf, FromWorker, WorkerOps, WorkerSetup } from './messages.js';

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Questions that a worker may leave unanswered: who asks on for figures of one that is stuck fills no memory. */
const MAX_UNANSWERED = 1000;
const QUESTIONS: ReadonlySet<keyof WorkerOps> = new Set(['stats', 'notReady', 'topics', 'connections', 'kick']);
/** How long an exit of the program waits for its threads. */
const EXIT_MS = 1000;

const living = new Set<WorkerThread>();

/** Called when the program exits, or an uncaught error ends it. Node aborts the process if uWS still has handles in
 *  a thread, so each thread releases them first; nothing else can be waited for here. */
function endLiving(): void {
  const untilMs = performance.now() + EXIT_MS;
  for (const thread of living) void thread.call('close', []).catch(() => {});
  for (const thread of living) thread.waitUntilLetGo(untilMs - performance.now());
}

let isWatchingExit = false;

function watchExit(): void {
  if (!isWatchingExit) process.on('exit', endLiving);
  isWatchingExit = true;
}

export class WorkerThread {
  readonly index: number;
  /** Begins the ids of its connections. */
  readonly origin: string;
  /** Resolves when its relay listens. Rejects with FanwireError where it cannot, or ended before. */
  readonly listening: Promise<void>;
  /** Resolves when the thread has ended. */
  readonly ended: Promise<void>;
  private readonly worker: Worker;
  private readonly pending = new Map<number, Pending>();
  private nextCall = 1;
  private readonly letGo = new Int32Array(new SharedArrayBuffer(4));

  constructor(entry: URL, given: Omit<WorkerSetup, 'letGo'>) {
    const setup: WorkerSetup = { ...given, letGo: this.letGo.buffer };
    this.index = setup.index;
    this.origin = setup.idPrefix;
    const transferList = setup.links.map(({ port }) => port);
    const options = { workerData: setup, transferList, name: `relay ${setup.index}` };
    // A thread inherits the flags of its process, but with the flag of a program given as text (node
    // --input-type=module -e …) it would refuse to load a file.
    const isText = process.execArgv.some((flag) => flag.startsWith('--input-type'));
    this.worker = new Worker(entry, isText ? { ...options, execArgv: [] } : options);
    watchExit();
    living.add(this);
    this.worker.once('exit', () => living.delete(this));
    this.ended = new Promise((resolve) => this.worker.once('exit', () => resolve()));
    this.listening = new Promise((resolve, reject) => {
      this.worker.on('message', (message: FromWorker) => {
        if (message.type === 'listening') resolve();
        else if (message.type === 'failed') reject(errorFrom(message));
        else this.settle(message);
      });
      // An error that the worker could not catch (out of memory); the exit follows.
      this.worker.on('error', reject);
      this.worker.on('exit', () => {
        const gone = new FanwireError('FANWIRE_WORKER_GONE', `worker ${setup.index} has ended`);
        reject(gone);
        for (const { reject: rejectCall } of this.pending.values()) rejectCall(gone);
        this.pending.clear();
      });
    });
    this.listening.catch(() => {}); // whoever waits for it still sees it
  }

  /** Has the worker do `op`. Rejects with FANWIRE_WORKER_GONE where it ends first. */
  call<Op extends keyof WorkerOps>(
    op: Op,
    args: Parameters<WorkerOps[Op]>,
    transfer: readonly TransferListItem[] = [],
  ): Promise<AnswerOf<Op>> {
    const id = this.nextCall++;
    if (QUESTIONS.has(op) && this.pending.size >= MAX_UNANSWERED) {
      return Promise.reject(new FanwireError('FANWIRE_WORKER_GONE', `worker ${this.index} does not answer`));
    }
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.worker.postMessage({ id, op, args }, transfer);
    });
  }

  /** Blocks this thread until uWS has released that thread's handles, for at most `limitMs`. */
  waitUntilLetGo(limitMs: number): void {
    Atomics.wait(this.letGo, 0, 0, Math.max(0, limitMs));
  }

  private settle(message: Extract<FromWorker, { readonly id: number }>): void {
    const pending = this.pending.get(message.id);
    this.pending.delete(message.id);
    if (message.type === 'result') pending?.resolve(message.value);
    else pending?.reject(new Error(message.message));
  }
}

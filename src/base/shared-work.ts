// Work that many ask for at once: one run serves all who ask for the same thing before it begins, and a limited number
// of runs proceed at a time, in the order asked. Many requests at once then cost only one run per distinct question,
// and the last of them is answered instead of timing out.

/** What somebody waits for. */
export interface PendingWork<Result> {
  readonly result: Promise<Result>;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

export class SharedWork<Key, Result> {
  private queued = new Map<Key, PendingWork<Result>>();
  private readonly running = new Set<Key>();

  /** @param atOnce runs under way at most, each for a key of its own */
  constructor(
    private readonly atOnce: number,
    private readonly work: (key: Key) => Promise<Result>,
  ) {}

  /** The result of a run that begins after this call, so that it includes all that has happened until now. */
  do(key: Key): Promise<Result> {
    const known = this.queued.get(key);
    if (known !== undefined) return known.result;
    const run = newRun<Result>();
    this.queued.set(key, run);
    this.begin();
    return run.result;
  }

  /** Whether the work for a key has been asked for and has not begun. */
  isQueued(key: Key): boolean {
    return this.queued.has(key);
  }

  /** Runs asked for and not finished. */
  get pending(): number {
    return this.queued.size + this.running.size;
  }

  /** How many of the waiting keys are `wanted`. */
  countQueued(wanted: (key: Key) => boolean): number {
    let count = 0;
    for (const key of this.queued.keys()) if (wanted(key)) count++;
    return count;
  }

  /** Takes those `wanted` off the queue, for whoever can do them together: resolve or reject each. */
  claim(wanted: (key: Key) => boolean): ReadonlyMap<Key, PendingWork<Result>> {
    const claimed = new Map<Key, PendingWork<Result>>();
    for (const [key, run] of this.queued) {
      if (!wanted(key)) continue;
      this.queued.delete(key);
      claimed.set(key, run);
    }
    return claimed;
  }

  /** Drops what has not begun: its promises reject with `reason`. */
  forget(reason: Error): void {
    const { queued } = this;
    this.queued = new Map();
    for (const { reject } of queued.values()) reject(reason);
  }

  private begin(): void {
    for (const [key, run] of this.queued) {
      if (this.running.size >= this.atOnce) return;
      if (this.running.has(key)) continue;
      this.queued.delete(key);
      this.running.add(key);
      this.work(key)
        .then(run.resolve, run.reject)
        .finally(() => {
          this.running.delete(key);
          this.begin();
        });
    }
  }
}

function newRun<Result>(): PendingWork<Result> {
  let resolve!: PendingWork<Result>['resolve'];
  let reject!: PendingWork<Result>['reject'];
  const result = new Promise<Result>((onResult, onError) => {
    resolve = onResult;
    reject = onError;
  });
  return { result, resolve, reject };
}

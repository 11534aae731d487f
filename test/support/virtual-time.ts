// Time that a test moves: timers, performance.now and Date.now of this process. Machines sleep and clocks are set at a
// word.
import type { TestContext } from 'node:test';

interface Timer {
  readonly atMs: number;
  readonly everyMs: number | undefined;
  readonly act: () => void;
}

/** What setting a timer gives: Node's can be told not to keep the process alive. */
class Handle {
  unref(): this {
    return this;
  }
}

const realImmediate = setImmediate;

export class VirtualTime {
  private nowMs = 0;
  private dateOffsetMs = 1_700_000_000_000;
  private readonly timers = new Map<unknown, Timer>();

  /** Takes time over until the test ends. */
  constructor(t: TestContext) {
    const add = (act: () => void, waitMs = 0, everyMs?: number): Handle => {
      // As the real ones: what is no wait that they can hold is none.
      const wait = waitMs >= 1 && waitMs < 2 ** 31 ? waitMs : 1;
      const handle = new Handle();
      this.timers.set(handle, { atMs: this.nowMs + wait, everyMs, act });
      return handle;
    };
    const clear = (handle: unknown): void => void this.timers.delete(handle);
    t.mock.method(globalThis, 'setTimeout', add as never);
    t.mock.method(globalThis, 'setInterval', ((act: () => void, everyMs: number) =>
      add(act, everyMs, everyMs)) as never);
    t.mock.method(globalThis, 'clearTimeout', clear as never);
    t.mock.method(globalThis, 'clearInterval', clear as never);
    t.mock.method(performance, 'now', () => this.nowMs);
    t.mock.method(Date, 'now', () => this.dateOffsetMs + this.nowMs);
  }

  get ms(): number {
    return this.nowMs;
  }

  /** How many timers are set. */
  get pending(): number {
    return this.timers.size;
  }

  /** Sets the machine's date, without time passing. */
  setDate(byMs: number): void {
    this.dateOffsetMs += byMs;
  }

  /** Time passes: what is due happens in order, each with all that follows from it at once. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await this.settle();
    for (;;) {
      const due = [...this.timers].filter(([, { atMs }]) => atMs <= untilMs).sort((a, b) => a[1].atMs - b[1].atMs)[0];
      if (due === undefined) break;
      const [handle, timer] = due;
      this.nowMs = Math.max(this.nowMs, timer.atMs);
      if (timer.everyMs === undefined) this.timers.delete(handle);
      else this.timers.set(handle, { ...timer, atMs: this.nowMs + timer.everyMs });
      timer.act();
      await this.settle();
    }
    this.nowMs = untilMs;
  }

  /** The machine sleeps: time passes, and no timer is told. */
  sleep(ms: number): void {
    this.nowMs += ms;
  }

  /** The next timer that is due happens, and nothing else. */
  async fire(): Promise<void> {
    const [due] = [...this.timers].filter(([, { atMs }]) => atMs <= this.nowMs).sort((a, b) => a[1].atMs - b[1].atMs);
    if (due === undefined) return;
    this.timers.delete(due[0]);
    due[1].act();
    await this.settle();
  }

  /** All that promises have to do is done. */
  async settle(): Promise<void> {
    await new Promise<void>((resolve) => realImmediate(resolve));
  }
}

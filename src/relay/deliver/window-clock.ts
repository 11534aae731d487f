// When windows end: one timer for all lanes of one window's length. They all wait equally long, so the first to begin
// is the first due.
import { Deque } from '../../base/deque.js';

/** Lanes whose window ends in one turn of the loop: others' messages do not wait for thousands of topics to be
 *  flushed. */
const LANES_PER_TURN = 512;
/** Where flushing takes most of a window, this share of one stays free before the next flush, for all else. */
const REST_SHARE = 0.5;
/** Timers count whole milliseconds: a window that ends within this is over. */
const SLACK_MS = 0.5;

/** As many lanes that are over may always wait for their time. */
const FEW_OVER = 64;

export interface Windowed {
  /** It will not be called any more. */
  readonly isOver: boolean;
  /** The window has ended. True where another one begins at once; else the lane is quiet until it calls `begin`
   *  again. */
  windowEnded(): boolean;
}

interface RunningWindow {
  readonly lane: Windowed;
  readonly dueMs: number;
}

export class WindowClock {
  private readonly running = new Deque<RunningWindow>();
  private readonly beginning: Windowed[] = [];
  /** Lanes that are over and may still be in `running`. */
  private over = 0;
  private timer: NodeJS.Timeout | undefined;
  private immediate: NodeJS.Immediate | undefined;

  constructor(readonly windowMs: number) {}

  /** A quiet lane has something: it is called at the end of this loop iteration, and its window runs from there. */
  begin(lane: Windowed): void {
    this.beginning.push(lane);
    this.immediate ??= setImmediate(this.turn);
  }

  /** Lanes whose windows run. */
  get length(): number {
    return this.running.length + this.beginning.length;
  }

  /** A lane whose window runs is over. Those are dropped whenever they are the most: a window may last an hour, and
   *  topics come and go meanwhile. */
  forget(): void {
    this.over++;
    if (this.over < FEW_OVER || 2 * this.over < this.running.length) return;
    this.over = 0;
    for (let left = this.running.length; left > 0; left--) {
      const one = this.running.shift() as RunningWindow;
      if (!one.lane.isOver) this.running.push(one);
    }
  }

  /** All windows end now. */
  endAll(): void {
    for (const lane of this.beginning.splice(0)) this.end(lane);
    for (let left = this.running.length; left > 0; left--) this.end((this.running.shift() as RunningWindow).lane);
  }

  stop(): void {
    clearTimeout(this.timer);
    clearImmediate(this.immediate);
    this.timer = undefined;
    this.immediate = undefined;
  }

  private readonly turn = (): void => {
    this.stop();
    let left = LANES_PER_TURN;
    for (const lane of this.beginning.splice(0, left)) {
      left--;
      this.end(lane);
    }
    const overMs = performance.now() + SLACK_MS;
    while (left-- > 0 && (this.running.at(0)?.dueMs ?? Number.POSITIVE_INFINITY) <= overMs) {
      this.end((this.running.shift() as RunningWindow).lane);
    }
    this.schedule();
  };

  /** The next window begins with the flush, not after it: to thousands of subscribers a flush takes many milliseconds,
   *  by which each window would be longer. */
  private end(lane: Windowed): void {
    const startedMs = performance.now();
    if (lane.isOver || !lane.windowEnded()) return;
    const earliestMs = performance.now() + REST_SHARE * this.windowMs;
    this.running.push({ lane, dueMs: Math.max(startedMs + this.windowMs, earliestMs) });
  }

  private schedule(): void {
    const nextDueMs = this.running.at(0)?.dueMs;
    const inMs = nextDueMs === undefined ? Number.POSITIVE_INFINITY : nextDueMs - performance.now();
    if (this.beginning.length > 0 || inMs <= SLACK_MS) this.immediate ??= setImmediate(this.turn);
    else if (nextDueMs !== undefined) this.timer ??= setTimeout(this.turn, Math.ceil(inMs)).unref();
  }
}

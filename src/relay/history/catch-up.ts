// Replays to subscribers that return, or that begin in the past. The pace depends on what each socket takes and on the
// time that the loop can spare beside live messages. When a subscriber has everything, it joins the live stream in the
// same step, so that nothing is missed and nothing comes twice.
import { Deque } from '../../base/deque.js';
import { lostFrame } from '../../protocol/frames.js';
import { CORK_BYTES, FRAME_HEADER_BYTES, utf8 } from '../bytes.js';
import type { Connection, Topic } from '../fanout/audience.js';
import { OwnOps } from '../fanout/own-ops.js';
import type { Beginning, Reading, TopicHistory } from './history.js';
import { ReplayPace } from './replay-pace.js';
import { ReplayedFrames } from './replayed-frames.js';

/** Time and messages for replays in one turn: many clients that come at once must not hold up live messages. */
const MS_PER_TURN = 0.3;
const MESSAGES_PER_TURN = 2048;
/** How long frames are kept for other subscribers that want the same. */
const FRAMES_LINGER_MS = 1000;

/** Messages replayed to one subscriber before the next one has its turn. */
const MESSAGES_PER_STEP = 128;

/** A socket with this many unsent bytes, or a lower limit, is left alone until it has drained. */
const MAX_UNSENT_BYTES = 64 * 1024;

/** A subscriber that is replayed to, from a position in the past up to the live stream. */
export class CatchUp {
  isCancelled = false;
  /** The seq of the last message that it has. */
  at: number;
  readonly reading: Reading;
  private readonly epoch: string;

  constructor(
    readonly connection: Connection,
    readonly topic: Topic,
    readonly history: TopicHistory,
    { after, reading }: Beginning,
    /** Takes the subscriber into the live stream; called once, when nothing is left to replay. */
    readonly arrived: () => void,
  ) {
    this.at = after;
    this.reading = reading;
    this.epoch = history.epoch;
  }

  /** Whether the sequence that it reads has ended and been replaced by another. */
  get isStale(): boolean {
    return this.history.epoch !== this.epoch;
  }
}

export class CatchUps {
  private readonly ready = new Deque<CatchUp>();
  private readonly paused = new Map<Connection, CatchUp[]>();
  private readonly frames = new ReplayedFrames();
  private readonly pace: ReplayPace;
  private isScheduled = false;
  private clearing: NodeJS.Timeout | undefined;

  /** Half of what a socket may buffer: it must not be a slow consumer already when it becomes live. */
  private readonly pauseBytes: number;
  /** Bytes of one write. */
  private readonly writeBytes: number;

  /** @param liveDeliveries how many messages were delivered so far, replays aside */
  constructor(maxBackpressureBytes: number, liveDeliveries: () => number) {
    this.pauseBytes = Math.min(MAX_UNSENT_BYTES, maxBackpressureBytes >>> 1);
    this.writeBytes = Math.min(CORK_BYTES, this.pauseBytes);
    this.pace = new ReplayPace(liveDeliveries);
  }

  start(catchUp: CatchUp): void {
    this.ready.push(catchUp);
    this.schedule();
  }

  /** The topic was left, or the socket closed. */
  cancel(catchUp: CatchUp): void {
    catchUp.isCancelled = true;
    const paused = this.paused.get(catchUp.connection);
    if (paused === undefined) return;
    const others = paused.filter((each) => each !== catchUp);
    if (others.length > 0) this.paused.set(catchUp.connection, others);
    else this.paused.delete(catchUp.connection);
  }

  /** A socket has drained. */
  onDrain(connection: Connection): void {
    const paused = this.paused.get(connection);
    if (paused === undefined || this.isFull(connection)) return;
    this.paused.delete(connection);
    for (const catchUp of paused) this.ready.push(catchUp);
    this.schedule();
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(this.turn);
  }

  private readonly turn = (): void => {
    if (this.ready.length === 0) {
      this.isScheduled = false;
      this.clearSoon();
      return;
    }
    const startedMs = performance.now();
    let left = MESSAGES_PER_TURN;
    for (let one = this.ready.shift(); one !== undefined; one = this.ready.shift()) {
      if (!one.isCancelled) left -= this.step(one);
      if (left <= 0 || performance.now() - startedMs >= MS_PER_TURN) break;
    }
    const endedMs = performance.now();
    // The rest is due where nobody waits, too: of thousands that join one by one each would have a turn at once.
    const restMs = this.pace.restMs(endedMs, endedMs - startedMs);
    if (restMs === 0) setImmediate(this.turn);
    else setTimeout(this.turn, restMs).unref();
  };

  /** Releases the frames once nobody was replayed to for a while. */
  private clearSoon(): void {
    if (this.clearing !== undefined) this.clearing.refresh();
    else this.clearing = setTimeout(() => this.clear(), FRAMES_LINGER_MS).unref();
  }

  private clear(): void {
    this.clearing = undefined;
    if (this.isScheduled) this.clearSoon();
    else this.frames.clear();
  }

  /** Replays a few messages. Returns how many, at least 1, so that a turn ends. */
  private step(catchUp: CatchUp): number {
    const { connection, history, reading } = catchUp;
    let replayed = 0;
    let written = 0;
    const write = (): void => {
      written = this.replay(catchUp);
    };
    do {
      written = 0;
      connection.ws?.cork(write);
      replayed += written;
    } while (written > 0 && replayed < MESSAGES_PER_STEP && !this.isFull(connection));
    const goOn = (): void => this.start(catchUp);
    if (!history.isReady) history.whenReady(goOn, () => !catchUp.isCancelled);
    else if (history.next(catchUp.at, reading) === undefined) catchUp.arrived();
    else if (this.isFull(connection)) this.pause(catchUp);
    else this.ready.push(catchUp);
    return Math.max(1, replayed);
  }

  private pause(catchUp: CatchUp): void {
    const paused = this.paused.get(catchUp.connection);
    if (paused === undefined) this.paused.set(catchUp.connection, [catchUp]);
    else paused.push(catchUp);
  }

  private replay(catchUp: CatchUp): number {
    const { connection, topic, history, reading } = catchUp;
    const { ws, ownSeqs } = connection;
    const ops = new OwnOps(connection);
    if (catchUp.isStale) {
      this.lost(catchUp, ops, 1, true);
      ops.end();
      catchUp.at = history.seq;
      return 0;
    }
    let replayed = 0;
    let bytes = 0;
    while (replayed < MESSAGES_PER_STEP) {
      if (catchUp.at < history.floor) {
        // Evicted while this socket was too slow to take the replay. For a state the number is not known.
        this.lost(catchUp, ops, reading === 'all' ? history.floor - catchUp.at : 1, false);
        catchUp.at = history.floor;
      }
      const kept = history.next(catchUp.at, reading);
      if (kept === undefined) break;
      if (!ownSeqs?.has(kept.seq)) {
        const isRaw = connection.dialect === 'raw';
        const frame = isRaw ? this.frames.raw(kept) : this.frames.enveloped(topic.head, kept);
        bytes += frame.bytes.byteLength + FRAME_HEADER_BYTES;
        if (bytes > this.writeBytes && replayed > 0) break;
        if (isRaw) ws?.send(frame.bytes, frame.isBinary);
        else ops.say(frame.bytes);
      }
      catchUp.at = kept.seq;
      replayed++;
    }
    ops.end();
    return replayed;
  }

  /** Raw mode has no message for a loss, so it is only counted. */
  private lost({ connection, topic }: CatchUp, ops: OwnOps, count: number, isRecoverable: boolean): void {
    if (connection.dialect === 'raw') connection.dropped += count;
    else ops.say(utf8(lostFrame(topic.name, count, isRecoverable)));
  }

  private isFull({ ws }: Connection): boolean {
    const unsent = ws?.getBufferedAmount() ?? 0;
    return unsent > 0 && unsent + this.writeBytes > this.pauseBytes;
  }
}

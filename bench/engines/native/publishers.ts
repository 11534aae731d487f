// The generator process that publishes. It follows an open-loop schedule to within about 60 µs, without spinning.
//
// setTimeout is too coarse (1 ms, and late), and spinning would take the core from the subscribers beside it. This
// thread has nothing else to do, so it sleeps in Atomics.wait for some milliseconds at a time, and lets the event
// loop turn between two sleeps. A due message is sent even if the one before it was late: latency counts from the due
// time, so lateness is never hidden.

import { STAMP_MEASURED, STAMP_WARMUP, stampPublisher } from '../../k6/lib/stamp.js';
import { BusynessMeter } from './busyness.js';
import type { ConnectionOwner, LoadConnection } from './connection.js';
import { Connections } from './connections.js';
import { LatencyCounts } from './counts.js';
import type { StampedFrame } from './frame-writer.js';
import type { GeneratorMessage, PlayCommand, SetupCommand } from './messages.js';
import type { ReadTurns } from './read-turns.js';

/** What arrives for this process waits at most this long. Shorter sleeps would interrupt the subscribers on the same
 *  core more often. */
const LONGEST_SLEEP_MS = 5;
/** Shorter gaps are not slept, because waking up takes about this long. */
const SHORTEST_SLEEP_US = 60;
/** A publisher with more unsent bytes than this has a server that does not read: its messages wait, with their due
 *  times unchanged. */
const BLOCKED_BYTES = 1 << 20;
/** Frames are combined into writes of this size; a longer frame is written alone. */
const WRITE_BYTES = 256 * 1024;

interface LoadPublisher {
  readonly number: number;
  readonly frame: StampedFrame;
  connection: LoadConnection | undefined;
  /** Due times (µs) of messages that have not been written. */
  backlog: number[];
  isBlocked: boolean;
  /** Number of warm-up messages so far, so that they rotate through the keys too. */
  warmups: number;
}

export class Publishers implements ConnectionOwner {
  private readonly connections: Connections;
  private readonly publishers: LoadPublisher[];
  private readonly sent: Uint32Array;
  private readonly slips = new LatencyCounts();
  private readonly busyness = new BusynessMeter();
  private readonly sleepCell = new Int32Array(new SharedArrayBuffer(4));
  private readonly dirty: LoadPublisher[] = [];
  private out = Buffer.allocUnsafeSlow(WRITE_BYTES);
  private playing: PlayCommand | undefined;
  private tick = 0;
  private giveUpUs = 0;
  private echoed = 0;
  private isReady = false;
  private isClosing = false;

  constructor(
    private readonly setup: SetupCommand,
    private readonly turns: ReadTurns,
    private readonly send: (message: GeneratorMessage) => void,
  ) {
    const { plan, lane, lanes } = setup;
    const numbers = Array.from({ length: Math.ceil((plan.publishers - lane) / lanes) }, (_, i) => lane + i * lanes);
    this.sent = new Uint32Array(plan.publishers);
    this.connections = new Connections(
      setup,
      this,
      turns,
      (slot) => numbers[slot] as number,
      (slot, connection) => {
        (this.publishers[slot] as LoadPublisher).connection = connection;
      },
    );
    this.publishers = numbers.map((number) => ({
      number,
      frame: this.connections.rules.frame(
        `${plan.topicPrefix}${number % plan.topics}`,
        plan.payloadBytes,
        plan.binary,
        plan.keys === 0 ? 0 : String(plan.publishers * plan.keys - 1).length,
      ),
      warmups: 0,
      connection: undefined,
      backlog: [],
      isBlocked: false,
    }));
    for (let slot = 0; slot < numbers.length; slot++) this.connections.open(slot);
    this.checkReady();
  }

  opened(connection: LoadConnection): void {
    this.connections.noteOpened(connection);
    this.checkReady();
  }

  failed(connection: LoadConnection, reason: string, code: string | undefined): void {
    if (this.connections.noteFailed(connection, reason, code)) return;
    (this.publishers[connection.slot] as LoadPublisher).connection = undefined;
    this.checkReady();
  }

  closedByServer(connection: LoadConnection, code: number): void {
    this.connections.noteClosedByServer(code);
    (this.publishers[connection.slot] as LoadPublisher).connection = undefined;
  }

  /** What a publisher receives is not timed: it reads only between two sleeps, so the times would be its own. */
  stamped({ slot }: LoadConnection, bytes: Uint8Array, at: number): void {
    if (bytes[at + 1] !== STAMP_MEASURED) return;
    if (stampPublisher(bytes, at) === (this.publishers[slot] as LoadPublisher).number) this.echoed++;
  }

  play(play: PlayCommand): void {
    this.playing = play;
    this.giveUpUs = play.measureEndUs + this.setup.plan.drainS * 1e6;
    const nowUs = this.turns.clock();
    setTimeout(() => this.busyness.begin(), Math.max(0, (play.measureStartUs - nowUs) / 1000));
    this.turn();
  }

  close(): void {
    this.isClosing = true;
    this.connections.stop();
    for (const { connection } of this.publishers) connection?.close();
  }

  private checkReady(): void {
    if (this.isReady || !this.connections.ramp.isIdle) return;
    this.isReady = true;
    this.send(this.connections.ready());
  }

  /** Publishes what is due, sleeps until shortly before the next due time, and continues after the event loop has
   *  turned. */
  private turn(): void {
    if (this.isClosing) return;
    this.queueDue();
    for (const publisher of this.dirty) this.flush(publisher);
    this.keepBlocked();
    const nowUs = this.turns.clock();
    const nextUs = this.dueUs(this.tick);
    const isOver = nextUs >= (this.playing as PlayCommand).measureEndUs;
    if (isOver && nowUs >= (this.playing as PlayCommand).measureEndUs) {
      this.busyness.end();
      // Messages of a publisher that has lost its connection can never be sent, so do not wait for them.
      const isHopeless = this.dirty.every(({ connection }) => connection?.isOpen !== true);
      if (isHopeless || nowUs > this.giveUpUs) {
        this.report();
        return;
      }
    }
    const gapUs = nextUs - nowUs;
    if (gapUs > SHORTEST_SLEEP_US) {
      Atomics.wait(this.sleepCell, 0, 0, Math.min(LONGEST_SLEEP_MS, (gapUs - SHORTEST_SLEEP_US) / 1000));
    }
    setImmediate(() => this.turn());
  }

  /** When tick `tick` is due; publisher (tick mod publishers) then sends one burst. */
  private dueUs(tick: number): number {
    const { rate, burst } = this.setup.plan;
    return rate === 0
      ? Number.POSITIVE_INFINITY
      : (this.playing as PlayCommand).startUs + Math.floor((tick * burst * 1e6) / rate);
  }

  private queueDue(): void {
    const { publishers, burst } = this.setup.plan;
    const { lane, lanes } = this.setup;
    const nowUs = Math.min(this.turns.clock(), (this.playing as PlayCommand).measureEndUs - 1);
    for (let dueUs = this.dueUs(this.tick); dueUs <= nowUs; dueUs = this.dueUs(++this.tick)) {
      const number = this.tick % publishers;
      if (number % lanes !== lane) continue;
      const publisher = this.publishers[Math.floor(number / lanes)] as LoadPublisher;
      if (publisher.backlog.length === 0) this.dirty.push(publisher);
      for (let i = 0; i < burst; i++) publisher.backlog.push(dueUs);
    }
  }

  /** Writes the backlog of one publisher, several frames per write, as far as its socket accepts them. */
  private flush(publisher: LoadPublisher): void {
    const { connection, frame, backlog } = publisher;
    const nowUs = this.turns.clock();
    let done = 0;
    while (done < backlog.length && connection?.isOpen === true && connection.unsentBytes < BLOCKED_BYTES) {
      const frames = Math.min(backlog.length - done, Math.max(1, Math.floor(WRITE_BYTES / frame.length)));
      const bytes = frames * frame.length;
      if (this.out.length < bytes) this.out = Buffer.allocUnsafeSlow(bytes);
      for (let i = 0; i < frames; i++) {
        this.stamp(publisher, i * frame.length, backlog[done + i] as number, nowUs);
      }
      connection.write(this.out.subarray(0, bytes));
      // The stream keeps the buffer when the kernel did not accept all of it, so a new one is needed.
      if (connection.unsentBytes > 0) this.out = Buffer.allocUnsafeSlow(WRITE_BYTES);
      done += frames;
    }
    publisher.isBlocked = done < backlog.length;
    if (publisher.isBlocked) backlog.splice(0, done);
    else backlog.length = 0;
  }

  private stamp(publisher: LoadPublisher, at: number, dueUs: number, nowUs: number): void {
    if (dueUs < (this.playing as PlayCommand).measureStartUs) {
      const key = this.keyOf(publisher, publisher.warmups++);
      publisher.frame.write(this.out, at, STAMP_WARMUP, publisher.number, 0, dueUs, key);
      return;
    }
    const sequence = this.sent[publisher.number] as number;
    this.sent[publisher.number] = sequence + 1;
    const key = this.keyOf(publisher, sequence);
    publisher.frame.write(this.out, at, STAMP_MEASURED, publisher.number, sequence, dueUs, key);
    // A blocked publisher is late because of the server, not because of the generator.
    if (!publisher.isBlocked) this.slips.record(nowUs - dueUs);
  }

  /** No key belongs to two publishers, so one publisher's sequence decides which state of a key is newest. */
  private keyOf({ number }: LoadPublisher, message: number): number {
    const { keys } = this.setup.plan;
    return keys === 0 ? 0 : number * keys + (message % keys);
  }

  /** Keeps only those publishers in `dirty` that could not write everything. */
  private keepBlocked(): void {
    let kept = 0;
    for (const publisher of this.dirty) {
      if (publisher.isBlocked) this.dirty[kept++] = publisher;
    }
    this.dirty.length = kept;
  }

  private report(): void {
    const measureStartUs = (this.playing as PlayCommand).measureStartUs;
    let unsent = 0;
    for (const { backlog } of this.dirty) unsent += backlog.filter((dueUs) => dueUs >= measureStartUs).length;
    this.send({
      kind: 'sent',
      sent: this.sent,
      unsent,
      echoed: this.echoed,
      slips: this.slips.take(),
      busyness: this.busyness.report(this.setup.plan.durationS * 1000),
      connections: this.connections.figures(),
      closedByServer: this.connections.closedByServer,
    });
  }
}

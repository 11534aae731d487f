// Tells a topic's enveloped subscribers who joined and left: one frame for those who take news together, one per change
// for the others. It sends to a few subscribers at a time and pauses in between, so that other topics' messages are not
// held up.
import { presenceFrame, presenceNewsFrame } from '../../protocol/frames.js';
import type { Member } from '../../protocol/ops.js';
import type { Connection, Topic } from '../fanout/audience.js';
import type { FanOut } from '../fanout/fanout.js';
import type { Change } from './presence-room.js';

/** Frames sent before the loop gets a turn: about 2 ms of work. */
const FRAMES_PER_TURN = 4000;
/** The rest between turns, as a multiple of the time that the turn took. */
const REST_FACTOR = 2;

interface Job {
  readonly topic: Topic;
  readonly subscribers: Iterator<Connection>;
  /** Sends the news to a subscriber. Returns how many frames that took. */
  readonly send: (subscriber: Connection) => number;
  readonly done: (tookMs: number) => void;
  tookMs: number;
}

export class Announcements {
  private readonly jobs: Job[] = [];
  private timer: NodeJS.Timeout | NodeJS.Immediate | undefined;

  constructor(private readonly fanOut: FanOut) {}

  /** @param done gets the milliseconds that it took to tell everybody */
  announce(topic: Topic, changes: readonly Change[], done: (tookMs: number) => void): void {
    const frames = new ChangeFrames(topic.name, changes);
    this.add(topic, (subscriber) => this.tellChanges(topic, subscriber, frames), done);
  }

  /** Sends a frame to all who take news together. */
  tell(topic: Topic, frame: Uint8Array): void {
    this.add(topic, (subscriber) => {
      if (subscriber.session?.takesNewsTogether(topic.name)) this.sendTo(topic, subscriber, [frame]);
      return 1;
    });
  }

  stop(): void {
    clearTimeout(this.timer as NodeJS.Timeout);
    clearImmediate(this.timer as NodeJS.Immediate);
    this.jobs.length = 0;
  }

  private add(topic: Topic, send: Job['send'], done: Job['done'] = () => {}): void {
    // Those who join later ask who is there, or are in the next news.
    const subscribers = [...hearersOf(topic)].values();
    if (this.jobs.push({ topic, subscribers, send, done, tookMs: 0 }) === 1) this.timer = setImmediate(this.turn);
  }

  private readonly turn = (): void => {
    const fromMs = performance.now();
    let left = FRAMES_PER_TURN;
    while (left > 0) {
      const job = this.jobs[0];
      if (job === undefined) return;
      const startedAtMs = performance.now();
      left -= this.work(job, left);
      job.tookMs += performance.now() - startedAtMs;
      if (left > 0) {
        this.jobs.shift();
        job.done(job.tookMs);
      }
    }
    this.timer = setTimeout(this.turn, REST_FACTOR * (performance.now() - fromMs));
  };

  /** Returns how many frames were sent: fewer than `most` if all subscribers have been told. */
  private work(job: Job, most: number): number {
    let sent = 0;
    while (sent < most) {
      const { done, value: subscriber } = job.subscribers.next();
      if (done) return sent;
      sent += job.send(subscriber);
    }
    return sent;
  }

  private tellChanges(topic: Topic, subscriber: Connection, frames: ChangeFrames): number {
    const from = frames.firstFor(subscriber);
    if (from >= frames.count) return 1;
    const together = subscriber.session?.takesNewsTogether(topic.name) === true;
    const own = together
      ? [frames.together(from)]
      : subscriber.dialect === 'batched'
        ? [frames.inOneFrame(from)]
        : frames.each.slice(from);
    this.sendTo(topic, subscriber, own);
    return own.length;
  }

  private sendTo(topic: Topic, { ws, lag, dialect }: Connection, frames: readonly Uint8Array[]): void {
    // A slow consumer is off its topics: it asks again when it reads again.
    if (ws === undefined || lag?.isLosing === true) return;
    let bytes = 0;
    ws.cork(() => {
      for (const frame of frames) {
        ws.send(frame, false);
        bytes += frame.length;
      }
    });
    const audience = topic.audience(dialect);
    if (audience !== undefined) this.fanOut.sentBeside(audience, bytes);
  }
}

/** Changes as frames, made once for all subscribers. */
class ChangeFrames {
  private readonly indexOf = new Map<Connection, number>();
  private readonly made = new Map<number, Uint8Array>();
  private readonly lists = new Map<number, Uint8Array>();
  private singles: readonly Uint8Array[] | undefined;

  constructor(
    private readonly topic: string,
    private readonly changes: readonly Change[],
  ) {
    for (const [index, { connection }] of changes.entries()) if (connection) this.indexOf.set(connection, index);
  }

  get count(): number {
    return this.changes.length;
  }

  /** The first change that is news to a subscriber: one that has just joined is told only of those who joined after
   *  it. */
  firstFor(subscriber: Connection): number {
    const own = this.indexOf.get(subscriber);
    return own === undefined ? 0 : own + 1;
  }

  get each(): readonly Uint8Array[] {
    this.singles ??= this.changes.map(({ op, member }) => Buffer.from(presenceFrame(op, this.topic, member)));
    return this.singles;
  }

  /** The changes from an index on, as separate ops in one frame. */
  inOneFrame(from: number): Uint8Array {
    let frame = this.lists.get(from);
    if (frame === undefined) {
      const ops = this.changes.slice(from).map(({ op, member }) => presenceFrame(op, this.topic, member));
      frame = Buffer.from(ops.length === 1 ? ops.join() : `[${ops.join(',')}]`);
      if (from === 0) this.lists.set(from, frame);
    }
    return frame;
  }

  /** All changes from an index on, as one op. */
  together(from: number): Uint8Array {
    let frame = this.made.get(from);
    if (frame === undefined) {
      const of = (op: Change['op']): Member[] =>
        this.changes.slice(from).flatMap((change) => (change.op === op ? [change.member] : []));
      frame = Buffer.from(presenceNewsFrame(this.topic, of('join'), of('leave')));
      if (from === 0) this.made.set(from, frame);
    }
    return frame;
  }
}

/** Enveloped sockets in the live stream of a topic. */
function* hearersOf(topic: Topic): Iterable<Connection> {
  yield* topic.envelopedInside();
  yield* topic.delivery?.envelopedOutside() ?? [];
}

/** Whether the topic can have such sockets. */
export function isHeard(topic: Topic): boolean {
  return topic.enveloped !== undefined || topic.batched !== undefined || topic.delivery !== undefined;
}

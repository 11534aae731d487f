// Numbers the messages of topics with history. With several worker threads each topic is owned by one of them, which
// numbers and keeps its messages: publishes go to the owner and come back numbered, in one order for all, and the other
// threads keep a copy while they have subscribers. A relay without other threads owns every topic.
import type { Threads } from '../../bus/bus.js';
import { crossAtOnce, type NewCrossings } from '../../bus/crossings.js';
import { PublishClock } from '../../bus/last-updates.js';
import { keptBody, withoutId } from '../../protocol/publish-id.js';
import { aboutMessage, readRecord, type SequenceRecord, writeRecord } from '../../protocol/sequence-record.js';
import { Bequest } from './bequest.js';
import type { HistoryStore, TopicHistory } from './history.js';
import { Inheritance } from './inheritance.js';
import type { MemoryHistory } from './memory.js';
import type { Acknowledge, Numbered, Outgoing, SequencerObserver } from './numbering.js';
import { OwnerAnswers } from './owner-answers.js';
import { OwnerNumbers } from './owner-numbers.js';
import type { RecentPublishes } from './recent-publishes.js';
import { ReplicaHistory } from './replica.js';
import { StateCrossings } from './state-crossings.js';
import { Unacknowledged } from './unacknowledged.js';
import { sendUnheard } from './unheard.js';

/** How often owners that have not answered are asked again. */
const ASK_AGAIN_MS = 1000;

export class Sequencer implements HistoryStore {
  private readonly replicas = new Map<string, ReplicaHistory>();
  readonly unacknowledged = new Unacknowledged();
  private asking: NodeJS.Timeout | undefined;
  private observer: SequencerObserver = {
    numbered: () => {},
    overtaken: () => {},
    unowned: () => {},
    broken: () => {},
  };
  private nextAsk = 1;
  /** When an owner last sent a copy. While copies come in, no owner is asked again. */
  private heardAtMs = 0;
  private readonly crossings: StateCrossings | undefined;
  private readonly answers: OwnerAnswers;
  private readonly numbers: OwnerNumbers;
  private readonly bequest: Bequest | undefined;
  readonly inheritance: Inheritance;

  /** @param heirTo how many threads have copies of what the predecessor of this one owned
   *  @param newCrossings holds back messages of a state of which only the newest is delivered */
  constructor(
    private readonly own: MemoryHistory,
    private readonly threads: Threads | undefined,
    recent: RecentPublishes,
    newCrossings: NewCrossings = crossAtOnce,
    heirTo = 0,
    publishClock = new PublishClock(),
  ) {
    this.crossings =
      threads &&
      new StateCrossings(threads, own, newCrossings, publishClock, (message) => {
        this.meanwhile(message);
        this.observer.unowned({ ...message, seq: 0 });
      });
    this.inheritance = new Inheritance(own, heirTo);
    this.answers = new OwnerAnswers(own, threads, this.crossings);
    this.numbers = new OwnerNumbers(own, recent, this.crossings, () => this.observer);
    this.bequest = threads && new Bequest(threads, own.nowMs);
  }

  start(observer: SequencerObserver): void {
    this.observer = observer;
    this.threads?.attend({
      record: (thread, topic, bytes) => this.receive(thread, topic, bytes),
      // All topics that it owned have lost their sequence. Its successor numbers in new epochs.
      gone: (thread) => this.unacknowledged.gone(thread),
      came: (thread) => this.bequeath(thread),
      doubt: () => {
        for (const replica of this.replicas.values()) this.renew(replica);
      },
    });
    this.asking = setInterval(() => this.askAgain(), ASK_AGAIN_MS).unref();
  }

  keeps(topic: string): boolean {
    return this.own.keeps(topic);
  }

  open(topic: string): TopicHistory | undefined {
    if (this.owns(topic)) return this.own.open(topic);
    if (!this.own.keeps(topic)) return undefined;
    let replica = this.replicas.get(topic);
    if (replica === undefined) {
      replica = new ReplicaHistory(topic, this.own, (behind) => this.askWhere(behind));
      this.replicas.set(topic, replica);
    }
    return replica;
  }

  /** A topic has its first subscriber here. The owner must know of this thread's interest before, so that messages
   *  after the copy are sent here too. */
  hold(history: TopicHistory): void {
    if (history instanceof ReplicaHistory) this.ask(history);
    else this.own.hold(history);
  }

  release(history: TopicHistory): void {
    if (!(history instanceof ReplicaHistory)) {
      this.own.release(history);
      return;
    }
    this.replicas.delete(history.topic);
    history.drop();
    this.send(history.topic, { is: 'leave' });
  }

  /** Has a message numbered and fanned out by every thread, this one included. False if the topic's owner is away. */
  publish(message: Outgoing, acknowledge?: Acknowledge): boolean {
    const { topic, body, from, sender, once } = message;
    const at = this.crossings?.saidAt(topic, once?.repeat);
    if (this.owns(topic)) {
      const seq = this.numbers.once(message, at, once);
      acknowledge?.(seq);
      return true;
    }
    const { payload, isUnasked = acknowledge === undefined } = message;
    if (isUnasked && once === undefined && this.own.keepsState(topic)) {
      const unnumbered = { topic, body, from, sender: sender?.id, key: payload.key };
      if (this.crossings?.holdForOwner(unnumbered, payload)) return true;
    }
    this.crossings?.nowToOwner(topic);
    const about = {
      ...aboutMessage(from, sender?.id, payload.key, once?.pid),
      ...(once?.repeat !== undefined && { repeat: once.repeat }),
      ...(at !== undefined && { at }),
    };
    // First: the answer may come at once.
    const ack = acknowledge && this.unacknowledged.add(this.ownerOf(topic), acknowledge);
    if (this.send(topic, { is: 'publish', ...about, ...(ack !== undefined && { ack }) }, body)) return true;
    if (ack !== undefined) this.unacknowledged.forget(ack);
    this.meanwhile({ topic, body, from, key: payload.key });
    return false;
  }

  /** Keeps a message of a state whose owner is away, for subscribers that join here meanwhile, and for the thread that
   *  takes the owner's place. `isElsewhere`: another thread has it too, and sees to that if there is no copy here. */
  meanwhile({ topic, body, from, key }: Pick<Numbered, 'topic' | 'body' | 'from' | 'key'>, isElsewhere = false): void {
    if (this.bequest === undefined || !this.own.keepsState(topic)) return;
    const kept = { body, from, key, publishedAtMs: this.own.nowMs() };
    const replica = this.replicas.get(topic);
    const seq = replica?.keepMeanwhile(kept);
    if (replica !== undefined && seq !== undefined) {
      this.bequest.sendOne(this.ownerOf(topic), topic, replica.epoch, { ...kept, seq }); // it may be back by now
    } else if (!isElsewhere && this.bequest.keep({ topic, ...kept })) this.own.evicted();
  }

  stop(): void {
    clearInterval(this.asking);
  }

  private receive(thread: number, topic: string, bytes: Uint8Array): void {
    const { record, body } = readRecord(bytes);
    switch (record.is) {
      case 'publish': {
        const { ack } = record;
        const seq = this.numbers.fromThread(topic, body, record);
        if (ack === undefined) return;
        this.threads?.send(thread, topic, writeRecord({ is: 'ack', ack, ...(seq !== undefined && { seq }) }));
        return;
      }
      case 'ack':
        this.unacknowledged.answered(record.ack, record.seq);
        return;
      case 'ask':
        if (this.inheritance.isComplete) this.answers.kept(thread, topic, record.ask);
        else void this.inheritance.complete.then(() => this.answers.kept(thread, topic, record.ask));
        return;
      case 'where':
        this.answers.where(thread, topic, record.ask);
        return;
      case 'here': {
        const replica = this.replicas.get(topic);
        if (replica?.here(record.ask, record.epoch, record.seq, record.last) === false) this.renew(replica);
        return;
      }
      case 'numbered':
        this.follow(topic, record, body);
        return;
      case 'overtaken':
        this.observer.overtaken({ ...record, topic, sender: record.sender });
        return;
      case 'unnumbered':
        this.unnumbered({ topic, body, seq: 0, from: record.from, sender: record.sender, key: record.key });
        return;
      case 'kept':
        this.heardAtMs = performance.now();
        this.replicas.get(topic)?.begin(record.ask, record.epoch, record.floor);
        return;
      case 'message':
        this.replicas.get(topic)?.add({ ...record, from: record.from, key: record.key, body, ageMs: record.age });
        return;
      case 'end':
        this.complete(topic, record.seq, record.last);
        return;
      case 'seed':
        this.inheritance.take(topic, { ...record, from: record.from, key: record.key, body, ageMs: record.age });
        return;
      case 'seeded':
        this.inheritance.ended();
    }
  }

  private unnumbered(message: Numbered): void {
    this.replicas.get(message.topic)?.keepUnnumbered({ ...message, key: message.key });
    this.observer.numbered(message);
  }

  /** A thread took the place of an owner that ended. It gets what this one has of the states that it owns now. Copies
   *  are then asked for anew: what the owner had numbered last may be lost, and subscribers are told. */
  private bequeath(heir: number): void {
    const theirs = [...this.replicas.values()].filter(({ topic, isState }) => isState && this.ownerOf(topic) === heir);
    this.bequest?.send(heir, theirs, () => {
      for (const replica of theirs) if (this.replicas.get(replica.topic) === replica) this.renew(replica);
    });
  }

  private follow(topic: string, record: Extract<SequenceRecord, { is: 'numbered' }>, body: string): void {
    const replica = this.replicas.get(topic);
    if (replica === undefined) return;
    const { epoch, seq, after, from, sender, key, pid, replaced } = record;
    const wasReady = replica.isReady;
    const outcome = replica.follow({ epoch, seq, after, body: keptBody(body, pid), from, key });
    if (outcome === 'broken' && wasReady) this.ask(replica);
    this.observer.numbered({ topic, body, seq, from, sender, key, replaced, isForRawOnly: outcome !== 'new' });
    replica.settleAhead();
  }

  private complete(topic: string, seq: number, last: number): void {
    const replica = this.replicas.get(topic);
    if (replica === undefined) return;
    const outcome = replica.end(seq, last);
    if (outcome === undefined) this.ask(replica);
    if (outcome !== 'missed') return;
    this.observer.broken(topic);
    const isCurrent = (): boolean => this.replicas.get(topic) === replica;
    sendUnheard(replica, isCurrent, ({ body, seq, from, key }) => {
      const message = { topic, body: withoutId(body), seq, from, sender: undefined, key };
      this.observer.numbered({ ...message, isForRawOnly: true });
    });
  }

  private askAgain(): void {
    const now = performance.now();
    this.unacknowledged.expire(now);
    for (const replica of this.replicas.values()) {
      if (replica.isOverdue(now, this.heardAtMs)) this.ask(replica);
      else if (!replica.tend(now)) this.renew(replica);
    }
  }

  /** The owner may have numbered messages that this thread did not receive. */
  private renew(replica: ReplicaHistory): void {
    replica.doubt();
    this.ask(replica);
  }

  private askWhere(replica: ReplicaHistory): void {
    const ask = this.nextAsk++;
    replica.ahead.questioned(ask, performance.now());
    this.send(replica.topic, { is: 'where', ask });
  }

  private ask(replica: ReplicaHistory): void {
    const ask = this.nextAsk++;
    replica.asked(ask, performance.now());
    this.send(replica.topic, { is: 'ask', ask });
  }

  private send(topic: string, record: SequenceRecord, body = ''): boolean {
    return this.threads?.send(this.ownerOf(topic), topic, writeRecord(record, body)) ?? false;
  }

  private owns(topic: string): boolean {
    return this.threads === undefined || this.ownerOf(topic) === this.threads.self;
  }

  private ownerOf(topic: string): number {
    return this.threads?.ownerOf(topic) ?? 0;
  }
}

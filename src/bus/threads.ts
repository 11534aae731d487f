// The bus between worker threads of one process. In shared memory there are a ring from each thread to each other
// (ring.ts) and a table of which thread wants which topic (interest-table.ts). The publishes of a loop turn are sent
// together, and only to threads with subscribers of the topic.
import {
  type Bus,
  type BusStatus,
  type CrossingKind,
  type Deliver,
  NO_OBSERVER,
  NO_STATUS,
  type Threads,
  type ThreadsObserver,
} from './bus.js';
import { type Census, NOBODY, type Question, Surveys, type TakeCensus } from './census.js';
import { InterestTable, OwnInterest, slotOf } from './interest-table.js';
import type { HubObserver, ThreadLink, ThreadsOptions } from './link.js';
import type { Received } from './record.js';
import { ThreadPeer } from './thread-peer.js';

/** Kinds of record that are no messages. A worker names its topics to the hub, which speaks to other nodes. */
const SUBSCRIBE = 254;
const UNSUBSCRIBE = 255;
/** A question about a topic's subscribers and its answer, as JSON. */
const ASK = 252;
const ANSWER = 253;
/** What threads say to each other about topics that one of them owns. */
const RECORD = 251;
/** The hub may have missed numbered messages: what threads have from it may be behind. */
const DOUBT = 250;

/** How soon a full ring is tried again when nothing else is published. */
const RETRY_MS = 1;

export class ThreadsBus implements Bus, Threads {
  readonly self: number;
  private readonly count: number;
  private readonly hub: number | undefined;
  private readonly observer: HubObserver | undefined;
  private readonly table: InterestTable;
  private readonly own: OwnInterest;
  private readonly peers = new Map<number, ThreadPeer>();
  private readonly surveys = new Surveys();
  private deliver: Deliver | undefined;
  private takeCensus: TakeCensus = () => NOBODY;
  private threadsObserver = NO_OBSERVER;
  private readonly dirty: ThreadPeer[] = [];
  private flushDue = false;
  private pollDue = false;
  private retry: NodeJS.Timeout | undefined;
  private received = 0;
  // The peer whose ring `take` reads. A field, not a closure, since `take` runs once a message.
  private reading!: ThreadPeer;
  private pastForwarded = 0; // of links that are gone
  private pastLost = 0;

  constructor({ self, count = 1, interest, links, hub, observer }: ThreadsOptions) {
    this.self = self;
    this.count = count;
    this.hub = hub;
    this.observer = observer;
    this.table = new InterestTable(interest);
    this.own = new OwnInterest(this.table, self);
    for (const link of links) this.connect(link);
  }

  start(deliver: Deliver, takeCensus: TakeCensus = () => NOBODY): void {
    this.deliver = deliver;
    this.takeCensus = takeCensus;
    for (const peer of this.peers.values()) this.listen(peer);
  }

  /** Adds a thread, replacing the one that had its number. */
  connect(link: ThreadLink): void {
    this.disconnect(link.peer);
    const peer = new ThreadPeer(link);
    this.peers.set(link.peer, peer);
    if (this.deliver !== undefined) this.listen(peer);
    this.threadsObserver.came(link.peer);
  }

  /** Forgets a thread that ended, after delivering what it had published. */
  disconnect(index: number): void {
    const peer = this.peers.get(index);
    if (peer === undefined) return;
    this.read(peer);
    this.peers.delete(index);
    peer.link.port.close();
    this.surveys.gone(index);
    this.threadsObserver.gone(index);
    this.pastForwarded += peer.crossings.forwarded;
    this.pastLost += peer.crossings.lost;
  }

  subscribe(topic: string): void {
    this.own.add(topic);
    if (this.hub !== undefined) this.tell(this.hub, topic, SUBSCRIBE);
  }

  unsubscribe(topic: string): void {
    this.own.remove(topic);
    if (this.hub !== undefined) this.tell(this.hub, topic, UNSUBSCRIBE);
  }

  forward(topic: string, message: ArrayBuffer | Uint8Array, kind: CrossingKind): void {
    this.forwardToWorkers(topic, message, kind);
    if (this.hub !== undefined) this.push(this.hub, topic, kind, message);
  }

  survey({ topic, wants, reach, isPatient }: Question): Promise<readonly Census[]> {
    const peers = [...this.peers.keys()].filter((peer) => peer !== this.hub && this.table.has(topic, peer));
    if (this.hub !== undefined && reach === 'cluster') peers.push(this.hub);
    const ask = (id: number): void => {
      for (const peer of peers) this.push(peer, topic, ASK, Buffer.from(JSON.stringify({ id, wants })));
    };
    return this.surveys.begin(peers, ask, isPatient);
  }

  async confirm(topic: string): Promise<boolean> {
    const { hub } = this;
    if (hub === undefined) return true;
    const wants: Question['wants'] = 'confirmation';
    const answers = await this.surveys.begin([hub], (id) => {
      this.push(hub, topic, ASK, Buffer.from(JSON.stringify({ id, wants })));
    });
    return answers[0]?.subscribers === 1;
  }

  /** In a cluster the hub numbers all topics, since it speaks to NATS, which keeps them. Without one, each worker
   *  numbers a share of the topics. */
  ownerOf(topic: string): number {
    return this.hub ?? slotOf(topic) % this.count;
  }

  has(thread: number): boolean {
    return this.peers.has(thread);
  }

  send(thread: number, topic: string, record: Uint8Array): boolean {
    if (!this.has(thread)) return false;
    this.push(thread, topic, RECORD, record);
    return true;
  }

  sendToInterested(topic: string, record: Uint8Array): void {
    this.forwardToWorkers(topic, record, RECORD);
  }

  isWanted(topic: string): boolean {
    return this.table.isWantedBeside(this.self, topic);
  }

  reaches(topic: string): boolean {
    return this.hub !== undefined || this.isWanted(topic);
  }

  attend(observer: ThreadsObserver): void {
    this.threadsObserver = observer;
  }

  /** Tells every worker that what it has from this thread may be behind. */
  doubt(): void {
    for (const peer of this.peers.keys()) this.tell(peer, '', DOUBT);
  }

  private forwardToWorkers(topic: string, message: ArrayBuffer | Uint8Array, kind: number): void {
    const slot = slotOf(topic);
    for (let word = 0; word < this.table.stride; word++) {
      let wanting = this.table.others(slot, word, this.self);
      while (wanting !== 0) {
        const bit = 31 - Math.clz32(wanting);
        wanting &= ~(1 << bit);
        this.push(word * 32 + bit, topic, kind, message);
      }
    }
  }

  status(): BusStatus {
    let forwarded = this.pastForwarded;
    let lost = this.pastLost;
    for (const { crossings } of this.peers.values()) {
      forwarded += crossings.forwarded;
      lost += crossings.lost;
    }
    return { ...NO_STATUS, forwarded, received: this.received, lost };
  }

  close(): Promise<void> {
    this.flush();
    clearTimeout(this.retry);
    for (const index of [...this.peers.keys()]) this.disconnect(index);
    return Promise.resolve();
  }

  private push(index: number, topic: string, kind: number, message: ArrayBuffer | Uint8Array): void {
    const peer = this.peers.get(index);
    if (peer === undefined) {
      this.pastLost++; // it has just died, and its subscribers' sockets with it
      return;
    }
    peer.crossings.push(topic, kind, message instanceof Uint8Array ? message : new Uint8Array(message));
    this.awaitFlush(peer);
  }

  private tell(index: number, topic: string, kind: number): void {
    const peer = this.peers.get(index);
    if (peer === undefined) return;
    peer.crossings.pushControl(topic, kind);
    this.awaitFlush(peer);
  }

  private awaitFlush(peer: ThreadPeer): void {
    if (!peer.dirty) {
      peer.dirty = true;
      this.dirty.push(peer);
    }
    if (this.flushDue) return;
    this.flushDue = true;
    setImmediate(this.flush);
  }

  /** Reads what the others have published so far. */
  takeIn(): void {
    for (const peer of this.peers.values()) this.read(peer);
  }

  /** Makes what was pushed in this loop turn visible to the others. */
  readonly flush = (): void => {
    this.flushDue = false;
    let done = 0;
    for (const peer of this.dirty) {
      const isGone = this.peers.get(peer.link.peer) !== peer;
      if (isGone || peer.crossings.publish()) peer.dirty = false;
      else this.dirty[done++] = peer;
    }
    this.dirty.length = done;
    if (done > 0) this.retry ??= setTimeout(this.retryFull, RETRY_MS);
  };

  private readonly retryFull = (): void => {
    this.retry = undefined;
    this.flush();
  };

  private listen(peer: ThreadPeer): void {
    peer.link.port.on('message', () => this.wake(peer));
    peer.link.port.unref();
    this.wake(peer);
  }

  private wake(peer: ThreadPeer): void {
    peer.awake = true;
    this.read(peer);
    if (this.pollDue) return;
    this.pollDue = true;
    setImmediate(this.poll);
  }

  /** Reads once a loop turn, so that sockets get their share, until nothing is left. After that only the port wakes
   *  this side. */
  private readonly poll = (): void => {
    this.pollDue = false;
    for (const peer of this.peers.values()) {
      if (!peer.awake) continue;
      peer.awake = !peer.reader.sleep();
      if (peer.awake) this.wake(peer);
    }
  };

  private read(peer: ThreadPeer): void {
    if (this.deliver === undefined) return;
    this.reading = peer;
    peer.reader.drain(this.take);
  }

  private readonly take = ({ kind, topic, payload, more }: Received): void => {
    const { reading } = this;
    if (kind === DOUBT) this.threadsObserver.doubt();
    else if (kind === SUBSCRIBE) this.observer?.subscribed(reading.link.peer, topic);
    else if (kind === UNSUBSCRIBE) this.observer?.unsubscribed(reading.link.peer, topic);
    else if (more) reading.keepPart(payload);
    else {
      const whole = reading.whole(payload);
      if (kind === RECORD) this.threadsObserver.record(reading.link.peer, topic, whole);
      else if (kind === ASK) void this.answer(reading.link.peer, topic, whole);
      else if (kind === ANSWER) {
        const { id, census } = JSON.parse(whole.toString()) as { id: number; census: Census };
        this.surveys.answered(reading.link.peer, id, census);
      } else {
        this.received++;
        this.deliver?.(topic, whole, kind as CrossingKind);
      }
    }
  };

  private async answer(peer: number, topic: string, question: Uint8Array): Promise<void> {
    const { id, wants } = JSON.parse(question.toString()) as { id: number; wants: Question['wants'] };
    const census = await this.takeCensus(topic, wants);
    this.push(peer, topic, ANSWER, Buffer.from(JSON.stringify({ id, census })));
  }
}

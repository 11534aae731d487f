// The sequencer's state machine, without threads, sockets and clocks: whatever order records arrive in, whatever is
// lost and whoever ends, every thread hears each number once and in order, or is told that it missed some; every
// publish has one answer; and when all is well again every copy is the owner's.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { TopicHistory } from '../../../src/relay/history/history.js';
import { MemoryHistory } from '../../../src/relay/history/memory.js';
import { RecentPublishes } from '../../../src/relay/history/recent-publishes.js';
import { Sequencer } from '../../../src/relay/history/sequencer.js';
import { SimulatedThreads } from '../../support/simulated-threads.js';
import { VirtualTime } from '../../support/virtual-time.js';

const RUNS = Number(process.env.RUNS ?? 200);
const THREADS = 3;
/** Each is owned by the thread of its number. */
const TOPICS = ['topic0', 'topic1', 'topic2'];
const ownerOf = (topic: string): number => Number(topic.at(-1));

/** What a subscriber of a topic in a thread knows: it is let in when the copy is ready, and takes what comes. */
class Listener {
  seq: number | undefined;
  epoch = '';

  constructor(readonly history: TopicHistory) {}

  /** It replays what the history has, and is where that is. */
  recover(): void {
    this.seq = this.history.seq;
    this.epoch = this.history.epoch;
  }

  hear(seq: number, where: string): void {
    if (this.seq === undefined) return; // not let in yet: the copy will have it
    assert.equal(this.history.epoch, this.epoch, `${where}: another sequence, and nobody said so`);
    assert.equal(seq, this.seq + 1, `${where}: a number that does not follow, and nobody said so`);
    this.seq = seq;
  }
}

class Thread {
  readonly listeners = new Map<string, Listener>();
  readonly sequencer: Sequencer;

  constructor(
    readonly self: number,
    private readonly mesh: SimulatedThreads,
  ) {
    const rule = { pattern: '*', maxMessages: 10_000, ttlMs: 3_600_000, maxBytes: 1 << 20 };
    const own = new MemoryHistory([rule], 1 << 24);
    this.sequencer = new Sequencer(own, mesh.rise(self), new RecentPublishes());
    this.sequencer.start({
      numbered: ({ topic, seq, isForRawOnly }) => {
        if (!isForRawOnly) this.listeners.get(topic)?.hear(seq, `thread ${self}, ${topic}, ${seq}`);
      },
      overtaken: () => {},
      unowned: () => {},
      broken: (topic) => this.listeners.get(topic)?.recover(),
    });
  }

  join(topic: string): void {
    const history = this.sequencer.open(topic);
    assert.ok(history !== undefined);
    if (this.listeners.has(topic)) return;
    const listener = new Listener(history);
    this.listeners.set(topic, listener);
    this.mesh.want(this.self, topic);
    this.sequencer.hold(history);
    history.whenReady(
      () => listener.recover(),
      () => true,
    );
  }

  leave(topic: string): void {
    const listener = this.listeners.get(topic);
    if (listener === undefined) return;
    this.listeners.delete(topic);
    this.mesh.unwant(this.self, topic);
    this.sequencer.release(listener.history);
  }
}

/** What a publisher got, each time it was called. */
interface Answer {
  readonly by: Thread;
  readonly topic: string;
  readonly got: (number | undefined)[];
}

/** All threads, and the answers that their publishers got. */
class World {
  readonly mesh = new SimulatedThreads(THREADS, ownerOf);
  readonly threads = Array.from({ length: THREADS }, (_, i) => new Thread(i, this.mesh));
  readonly answers: Answer[] = [];
  /** Threads that ended at least once: their successors number anew. */
  readonly deaths = new Set<number>();

  publish(from: number, topic: string): void {
    if (!this.mesh.isAlive(from)) return;
    const payload = { body: '1', raw: '1' };
    const answer: Answer = { by: this.thread(from), topic, got: [] };
    const message = { topic, body: '1', from: undefined, sender: undefined, payload };
    const isTaken = this.thread(from).sequencer.publish(message, (seq) => answer.got.push(seq));
    assert.equal(isTaken, this.mesh.isAlive(ownerOf(topic)), 'only an owner that is away cannot be sent to');
    if (isTaken) this.answers.push(answer);
    else assert.deepEqual(answer.got, []);
  }

  die(i: number): void {
    if (!this.mesh.isAlive(i)) return;
    this.deaths.add(i);
    this.mesh.die(i);
    this.thread(i).sequencer.stop();
  }

  rise(i: number): void {
    if (!this.mesh.isAlive(i)) this.threads[i] = new Thread(i, this.mesh);
  }

  thread(i: number): Thread {
    return this.threads[i] as Thread;
  }

  /** Everybody is there, nothing is lost, and time passes until nobody waits for anything. */
  async becomeWell(time: VirtualTime): Promise<void> {
    for (let i = 0; i < THREADS; i++) this.rise(i);
    for (let turn = 0; turn < 60; turn++) {
      if (turn === 1) for (const topic of TOPICS) this.publish(ownerOf(topic), topic); // shows what was lost
      while (this.mesh.deliver(0));
      await time.pass(2000);
    }
    while (this.mesh.deliver(0));
  }

  stop(): void {
    for (const { sequencer } of this.threads) sequencer.stop();
  }
}

const thread = fc.nat(THREADS - 1);
const topic = fc.constantFrom(...TOPICS);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ publish: topic, by: thread }) },
  { weight: 6, arbitrary: fc.record({ deliver: fc.integer({ min: 1, max: 8 }), pick: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ join: topic, by: thread }) },
  { weight: 1, arbitrary: fc.record({ leave: topic, by: thread }) },
  { weight: 1, arbitrary: fc.record({ lose: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ doubt: thread }) },
  { weight: 1, arbitrary: fc.record({ die: thread }) },
  { weight: 1, arbitrary: fc.record({ rise: thread }) },
  { weight: 2, arbitrary: fc.record({ pass: fc.nat(40_000) }) },
);

type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

async function play(world: World, steps: readonly Step[], time: VirtualTime): Promise<void> {
  for (const one of steps) {
    if ('publish' in one) world.publish(one.by, one.publish);
    else if ('deliver' in one) for (let i = 0; i < one.deliver; i++) world.mesh.deliver(one.pick);
    else if ('join' in one) {
      if (world.mesh.isAlive(one.by)) world.thread(one.by).join(one.join);
    } else if ('leave' in one) {
      if (world.mesh.isAlive(one.by)) world.thread(one.by).leave(one.leave);
    } else if ('lose' in one) world.mesh.lose(one.lose);
    else if ('doubt' in one) world.mesh.doubt(one.doubt);
    else if ('die' in one) world.die(one.die);
    else if ('rise' in one) world.rise(one.rise);
    else await time.pass(one.pass);
  }
}

async function playIn(t: TestContext, check: (world: World) => void): Promise<void> {
  const time = new VirtualTime(t);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      const world = new World();
      await play(world, steps, time);
      await world.becomeWell(time);
      world.stop();
      check(world);
    }),
    { numRuns: RUNS },
  );
}

/** All that is kept of a topic. */
function kept(history: TopicHistory, after = history.floor): number[] {
  const numbers: number[] = [];
  for (let one = history.next(after, 'all'); one !== undefined; one = history.next(one.seq, 'all'))
    numbers.push(one.seq);
  return numbers;
}

test('whatever is lost and whoever ends, no number is missed untold, and every copy is the owner’s in the end', (t) =>
  playIn(t, (world) => {
    for (const topic of TOPICS) {
      const own = world.thread(ownerOf(topic)).sequencer.open(topic) as TopicHistory;
      for (const { self, listeners } of world.threads) {
        const listener = listeners.get(topic);
        if (listener === undefined) continue;
        const { history, seq, epoch } = listener;
        assert.deepEqual({ self, topic, seq, epoch }, { self, topic, seq: own.seq, epoch: own.epoch });
        assert.deepEqual(kept(history), kept(own, history.floor));
      }
    }
  }));

test('every publish has one answer, its own number or that its owner went, unless the answer was lost', (t) =>
  playIn(t, (world) => {
    const numbers = new Set<string>();
    for (const { by, topic, got } of world.answers) {
      assert.ok(got.length <= 1, `${topic} answered ${got.length} times`);
      const isThere = world.threads.includes(by);
      if (world.mesh.lost === 0 && isThere) assert.equal(got.length, 1, `${topic} of thread ${by.self} has no answer`);
      const [seq] = got;
      if (seq === undefined || world.deaths.has(ownerOf(topic))) continue;
      assert.ok(!numbers.has(`${topic} ${seq}`), `${topic} ${seq} was given twice`);
      numbers.add(`${topic} ${seq}`);
    }
  }));

// A state of which only the newest is delivered, on three threads: what was replaced within a window crosses neither to
// the owner nor from it, and yet every copy, and who listens to what crosses, ends with the newest of each key.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDeliverRules } from '../../../src/config/deliver-rules.js';
import { newestBy } from '../../../src/config/state-rules.js';
import { withoutId } from '../../../src/protocol/publish-id.js';
import { CrossingRules } from '../../../src/relay/deliver/crossings.js';
import { HeldBytes } from '../../../src/relay/deliver/held-bytes.js';
import { WindowClock } from '../../../src/relay/deliver/window-clock.js';
import type { Kept, TopicHistory } from '../../../src/relay/history/history.js';
import { MemoryHistory } from '../../../src/relay/history/memory.js';
import { RecentPublishes } from '../../../src/relay/history/recent-publishes.js';
import { Sequencer } from '../../../src/relay/history/sequencer.js';
import { SimulatedThreads } from '../../support/simulated-threads.js';

const THREADS = 3;
const OWNER = 0;
const TOPIC = 't';
const RULES = parseDeliverRules(`${TOPIC}=1h,latest-by-key`);

class Thread {
  /** The newest of each key by what was delivered here since the copy was there. */
  readonly heard = new Map<string, string>();
  readonly clock = new WindowClock(3_600_000);
  readonly held = new HeldBytes(() => {});
  /** What was replaced on the way to here, in all. */
  replaced = 0;
  readonly sequencer: Sequencer;
  readonly history: TopicHistory;

  constructor(self: number, mesh: SimulatedThreads) {
    const rule = { pattern: '*', maxMessages: 1000, ttlMs: 1e9, maxBytes: 1e12, isState: true };
    const own = new MemoryHistory([rule], 0, () => 0, {
      stateMaxBytes: 1 << 24,
      newestBy: (topic, isState) => newestBy(RULES, topic, isState),
      evicted() {},
    });
    const { newCrossings } = new CrossingRules(RULES, () => this.clock, 1 << 20, this.held);
    this.sequencer = new Sequencer(own, mesh.rise(self), new RecentPublishes(), newCrossings);
    let at = 0;
    this.sequencer.start({
      numbered: ({ seq, key, payload, body, replaced = 0 }) => {
        this.replaced += replaced;
        assert.ok(seq > at, `thread ${self}: ${seq} after ${at}`);
        at = seq;
        this.heard.set(key ?? payload?.key ?? '', withoutId(body));
      },
      overtaken: () => {},
      unowned: () => assert.fail('no thread ends here'),
      // Whoever listens here recovers, as a client does: what came while the copy was in doubt is in the new one.
      broken: () => {
        for (const { key = '', body } of newestOf(this.history)) this.heard.set(key, withoutId(body));
      },
    });
    this.history = this.sequencer.open(TOPIC) as TopicHistory;
    mesh.want(self, TOPIC);
    this.sequencer.hold(this.history);
  }
}

function newestOf(history: TopicHistory): Kept[] {
  const all: Kept[] = [];
  for (let one = history.next(0, 'newest'); one !== undefined; one = history.next(one.seq, 'newest')) all.push(one);
  return all;
}

const thread = fc.nat(THREADS - 1);
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ by: thread, key: fc.nat(3).map(String), isAsked: fc.boolean(), hasId: fc.boolean() }),
  },
  { weight: 6, arbitrary: fc.record({ deliver: fc.integer({ min: 1, max: 5 }), pick: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ windowOf: thread }) },
  { weight: 1, arbitrary: fc.record({ doubt: thread }) },
);

test('whatever is published where, and whenever windows end, all threads end with the newest of each key', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const mesh = new SimulatedThreads(THREADS, () => OWNER);
      const threads = Array.from({ length: THREADS }, (_, self) => new Thread(self, mesh));
      while (mesh.deliver(0)); // the copies come
      let published = 0;
      let asked = 0;
      let answered = 0;
      const lastOf = new Map<string, Map<number, string>>();
      const publish = (by: number, key: string, isAsked: boolean, hasId: boolean): void => {
        const body = String(++published);
        const { sequencer } = threads[by] as Thread;
        const once = hasId ? { pid: `p${published}`, repeat: undefined } : undefined;
        const message = {
          topic: TOPIC,
          body,
          from: undefined,
          sender: undefined,
          payload: { body, raw: body, key },
          once,
        };
        if (isAsked) asked++;
        assert.ok(sequencer.publish(message, isAsked ? (seq) => (answered += seq === undefined ? 0 : 1) : undefined));
        lastOf.set(key, (lastOf.get(key) ?? new Map<number, string>()).set(by, body));
      };
      for (const one of steps) {
        if ('by' in one) publish(one.by, one.key, one.isAsked, one.hasId);
        else if ('deliver' in one) for (let i = 0; i < one.deliver; i++) mesh.deliver(one.pick);
        else if ('windowOf' in one) threads[one.windowOf]?.clock.endAll();
        else if (one.doubt !== OWNER) mesh.doubt(one.doubt);
      }
      // Every window ends twice: on the way to the owner, and from it.
      for (let turn = 0; turn < 2; turn++) {
        for (const { clock } of threads) clock.endAll();
        while (mesh.deliver(0));
      }
      const newest = ({ history }: Thread): string[] =>
        newestOf(history).map(({ key, seq, body }) => `${key}: ${seq} ${withoutId(body)}`);
      const owned = newest(threads[OWNER] as Thread);
      assert.equal(owned.length, lastOf.size);
      for (const each of threads) assert.deepEqual(newest(each), owned);
      for (const { heard } of threads) {
        for (const [key, body] of heard) {
          assert.ok(
            owned.some((one) => one.startsWith(`${key}: `) && one.endsWith(` ${body}`)),
            `${key} ${body} ${owned}`,
          );
          assert.ok([...(lastOf.get(key)?.values() ?? [])].includes(body), 'some publisher’s last one');
        }
      }
      assert.equal(answered, asked, 'who asks for its number has it');
      for (const { clock, sequencer } of threads) {
        clock.stop();
        sequencer.stop();
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 300) },
  );
});

test('a thousand updates of a key within a window cross once', () => {
  const mesh = new SimulatedThreads(THREADS, () => OWNER);
  const threads = Array.from({ length: THREADS }, (_, self) => new Thread(self, mesh));
  while (mesh.deliver(0));
  const delivered = (): number => {
    let count = 0;
    while (mesh.deliver(0)) count++;
    return count;
  };
  for (const [by, crossings] of [
    [1, 1 + 2],
    [OWNER, 2],
  ] as const) {
    for (let n = 1; n <= 1000; n++) {
      const body = `${by}${n}`;
      const payload = { body, raw: body, key: 'k' };
      threads[by]?.sequencer.publish({ topic: TOPIC, body, from: undefined, sender: undefined, payload });
    }
    assert.equal(delivered(), 0, 'before the end of the turn nothing crosses');
    threads[by]?.clock.endAll();
    let count = delivered();
    threads[OWNER]?.clock.endAll();
    count += delivered();
    assert.equal(count, crossings);
    for (const { heard } of threads) assert.equal(heard.get('k'), `${by}1000`);
    // By the owner's own they are replaced on the way to the others, by another's on the way to the owner too.
    for (const [self, each] of threads.entries()) {
      assert.equal(each.replaced, by === OWNER && self === OWNER ? 0 : 999, `thread ${self}`);
      each.replaced = 0;
    }
    for (const { clock } of threads) clock.endAll();
  }
  for (const { clock, sequencer } of threads) {
    clock.stop();
    sequencer.stop();
  }
});

test('who asks the owner where a topic is, or for a copy, has what waits there before the answer', () => {
  const mesh = new SimulatedThreads(THREADS, () => OWNER);
  const threads = Array.from({ length: THREADS }, (_, self) => new Thread(self, mesh));
  const [owner, behind] = threads as [Thread, Thread, Thread];
  while (mesh.deliver(0));
  const publish = (body: string): void => {
    const payload = { body, raw: body, key: 'k' };
    owner.sequencer.publish({ topic: TOPIC, body, from: undefined, sender: undefined, payload });
  };
  publish('1');
  let isThere = false;
  behind.history.whenReady(
    () => {
      isThere = true;
    },
    () => true,
    { epoch: owner.history.epoch, seq: 1 },
  );
  while (mesh.deliver(0));
  assert.equal(isThere, true);
  assert.equal(behind.heard.get('k'), '1');
  publish('2');
  mesh.doubt(2);
  while (mesh.deliver(0));
  assert.equal(behind.heard.get('k'), '2');
  for (const { clock, sequencer } of threads) {
    clock.stop();
    sequencer.stop();
  }
});

test('of a topic that no other thread wants, nothing waits to cross', () => {
  const mesh = new SimulatedThreads(1, () => OWNER);
  const owner = new Thread(OWNER, mesh);
  for (let n = 0; n < 10; n++) {
    const payload = { body: `${n}`, raw: `${n}`, key: `${n}` };
    owner.sequencer.publish({ topic: TOPIC, body: `${n}`, from: undefined, sender: undefined, payload });
    assert.equal(owner.held.waiting, 0);
  }
  owner.clock.stop();
  owner.sequencer.stop();
});

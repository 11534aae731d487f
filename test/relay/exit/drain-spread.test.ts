// The drain's plan without sockets and clocks: whoever reads whenever, and whoever goes meanwhile, every socket is
// closed once, in its turn, and not before it has read what it was sent, unless the time is over.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Close } from '../../../src/protocol/codes.js';
import { closeSpread } from '../../../src/relay/exit/drain.js';
import type { Connection } from '../../../src/relay/fanout/audience.js';
import { VirtualTime } from '../../support/virtual-time.js';

/** The step of the drain's timer, which each close may be late by. */
const TICK_MS = 20;

interface Plan {
  /** When the socket has read all it was sent; null: never. */
  readonly readAtMs: number | null;
  /** When its client goes by itself; null: it stays. */
  readonly goneAtMs: number | null;
}

/** A connection that writes down how it is closed. */
class FakeSocket {
  readonly closes: {
    readonly atMs: number;
    readonly code: number;
    readonly reason: string;
    readonly unread: boolean;
  }[] = [];

  constructor(
    private readonly plan: Plan,
    private readonly time: VirtualTime,
    /** Told when it is closed. */
    private readonly closing: () => void = () => {},
  ) {}

  get ws(): object | undefined {
    return this.isGone || this.closes.length > 0 ? undefined : this;
  }

  get isGone(): boolean {
    return this.plan.goneAtMs !== null && this.time.ms >= this.plan.goneAtMs;
  }

  getBufferedAmount(): number {
    return this.plan.readAtMs === null || this.time.ms < this.plan.readAtMs ? 1 : 0;
  }

  end(code: number, reason: Uint8Array): void {
    const unread = this.getBufferedAmount() > 0;
    this.closing();
    this.closes.push({ atMs: this.time.ms, code, reason: Buffer.from(reason).toString(), unread });
  }
}

const plan = fc.record({
  readAtMs: fc.oneof(fc.constant(0), fc.nat(6000), fc.constant(null)),
  goneAtMs: fc.option(fc.nat(6000), { freq: 4 }),
});

test('every socket is closed once, in its turn, with all it was sent read, or when the time is over', async (t) => {
  const time = new VirtualTime(t);
  await fc.assert(
    fc.asyncProperty(fc.array(plan, { maxLength: 60, size: 'max' }), fc.nat(5000), async (plans, overMs) => {
      const startMs = time.ms;
      const ofStart = (ms: number | null): number | null => (ms === null ? null : ms + startMs);
      let flushedAtMs = -1;
      const isFlushed = (): void => assert.equal(flushedAtMs, time.ms, 'what is queued goes out before a close');
      const sockets = plans.map(({ readAtMs, goneAtMs }) => {
        return new FakeSocket({ readAtMs: ofStart(readAtMs), goneAtMs: ofStart(goneAtMs) }, time, isFlushed);
      });
      let endedAtMs: number | undefined;
      const flush = (): void => {
        flushedAtMs = time.ms;
      };
      void closeSpread(sockets as unknown as Connection[], overMs, flush).then(() => {
        endedAtMs = time.ms - startMs;
      });
      await time.pass(overMs + TICK_MS);
      assert.ok(endedAtMs !== undefined && endedAtMs <= overMs + TICK_MS, 'it ends in time');
      assert.equal(time.pending, 0);
      assert.ok(flushedAtMs >= startMs, 'what is queued is delivered');
      const lastCloseMs = Math.max(0, ...sockets.flatMap(({ closes }) => closes.map(({ atMs }) => atMs - startMs)));
      assert.ok(endedAtMs >= lastCloseMs, 'it ends once the last has been told');
      for (const [i, { closes, isGone }] of sockets.entries()) {
        assert.ok(closes.length === 1 || (closes.length === 0 && isGone), `socket ${i} is closed once`);
        for (const { atMs, code, reason, unread } of closes) {
          assert.deepEqual([code, reason], [Close.restart, 'restart']);
          assert.ok(!unread || atMs - startMs >= overMs, `socket ${i} had not read, and there was time`);
        }
      }
      assertSpread(
        sockets.flatMap(({ closes }) => closes.map(({ atMs }) => atMs - startMs)),
        plans.length,
        overMs,
      );
    }),
  );
});

/** At no time more are closed than their share of the time that has passed. */
function assertSpread(closedAtMs: readonly number[], total: number, overMs: number): void {
  for (const ms of closedAtMs) {
    if (ms >= overMs) continue;
    const closed = closedAtMs.filter((other) => other <= ms).length;
    assert.ok(
      closed <= Math.ceil((total * ms) / overMs),
      `${closed} of ${total} are closed after ${ms} of ${overMs} ms`,
    );
  }
}

test('sockets that have read everything go evenly over the time', async (t) => {
  const time = new VirtualTime(t);
  const sockets = Array.from({ length: 100 }, () => new FakeSocket({ readAtMs: 0, goneAtMs: null }, time));
  void closeSpread(sockets as unknown as Connection[], 1000, () => {});
  const closedBy: number[] = [];
  for (let i = 0; i < 5; i++) {
    await time.pass(200);
    closedBy.push(sockets.filter(({ closes }) => closes.length > 0).length);
  }
  for (const [i, closed] of closedBy.entries()) assert.ok(Math.abs(closed - 20 * (i + 1)) <= 1, String(closedBy));
});

test('few sockets go in their turn too, the last not at the end', async (t) => {
  const time = new VirtualTime(t);
  const sockets = Array.from({ length: 2 }, () => new FakeSocket({ readAtMs: 0, goneAtMs: null }, time));
  let isOver = false;
  void closeSpread(sockets as unknown as Connection[], 1000, () => {}).then(() => {
    isOver = true;
  });
  const closed = (): number => sockets.filter(({ closes }) => closes.length > 0).length;
  assert.equal(closed(), 0);
  await time.pass(TICK_MS);
  assert.deepEqual([closed(), isOver], [1, false]);
  await time.pass(500);
  assert.deepEqual([closed(), isOver], [2, true]);
});

test('a socket whose client has gone keeps nobody waiting', async (t) => {
  const time = new VirtualTime(t);
  const socket = new FakeSocket({ readAtMs: null, goneAtMs: 0 }, time);
  let isOver = false;
  void closeSpread([socket] as unknown as Connection[], 1000, () => {}).then(() => {
    isOver = true;
  });
  await time.pass(TICK_MS);
  assert.equal(isOver, true);
});

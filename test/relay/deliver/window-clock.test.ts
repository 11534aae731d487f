// When windows end, by the clock alone: a flush that takes time does not make the next window longer, and leaves time
// for all else where it takes most of one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WindowClock } from '../../../src/relay/deliver/window-clock.js';

/** A lane that takes `flushMs` for each of `flushes`. Resolves with when each began. */
function flushesOf(clock: WindowClock, flushMs: number, flushes: number): Promise<number[]> {
  const began: number[] = [];
  const stayUp = setInterval(() => {}, 1000); // the clock's own timer does not keep a process
  const ended = new Promise<number[]>((resolve) => {
    clock.begin({
      isOver: false,
      windowEnded() {
        began.push(performance.now());
        while (performance.now() - (began.at(-1) as number) < flushMs);
        if (began.length < flushes) return true;
        resolve(began);
        return false;
      },
    });
  });
  return ended.finally(() => clearInterval(stayUp));
}

/** The shortest time between two flushes: what else this machine does makes most of them longer. */
function shortest(began: readonly number[]): number {
  return Math.min(...began.slice(1).map((at, i) => at - (began[i] as number)));
}

test('a window begins with the flush before it', async () => {
  const took = shortest(await flushesOf(new WindowClock(40), 15, 30));
  assert.ok(took > 30 && took < 55, `${took} ms between flushes of 15 ms in windows of 40 ms`);
});

test('where a flush takes most of a window, half of one stays free after it', async () => {
  const took = shortest(await flushesOf(new WindowClock(40), 35, 10));
  assert.ok(took > 47, `${took} ms between flushes of 35 ms in windows of 40 ms`);
});

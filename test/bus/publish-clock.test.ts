// The time by which publishes of several threads are compared.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { PublishClock } from '../../src/bus/last-updates.js';

const MODULE = new URL('../../src/bus/last-updates.js', import.meta.url).href;

test('a worker that starts after the clock of the machine was set has the time of the other threads', async (t) => {
  for (const stepMs of [3_600_000, -3_600_000]) {
    const clock = new PublishClock();
    const program = `
      const { parentPort } = require('node:worker_threads');
      const { now } = Date;
      Date.now = () => now() + ${stepMs};
      import('${MODULE}').then(({ PublishClock }) => parentPort.postMessage(new PublishClock().now()));
    `;
    const before = clock.now();
    const worker = new Worker(program, { eval: true });
    t.after(() => worker.terminate());
    const [there] = (await once(worker, 'message')) as [number];
    assert.ok(before <= there && there <= clock.now(), `${there - before} ms after the others`);
  }
});

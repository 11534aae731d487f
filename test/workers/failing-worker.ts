// A worker that fails when told to, in the ways a worker can fail.
import { BroadcastChannel, workerData } from 'node:worker_threads';
import { Exchange } from '../../src/relay/exchange.js';
import { TopicLayer } from '../../src/relay/topic-layer.js';

const { index } = workerData as { index: number };
const orders = new BroadcastChannel('failing-worker');
orders.unref();
orders.onmessage = (event) => {
  const { worker, how } = (event as { data: { worker: number; how: string } }).data;
  if (worker !== index) return;
  if (how === 'throw') throw new Error('this worker was told to fail');
  if (how === 'throw-again') {
    TopicLayer.prototype.endWindows = () => {
      throw new Error('this worker fails once more as it ends');
    };
    throw new Error('this worker was told to fail');
  }
  if (how === 'block') {
    // Stuck for some seconds, as in a long computation.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
    return;
  }
  if (how === 'throw-in-handler') {
    // As a bug in the hot path would: inside uWS's callback, at the next message.
    Exchange.prototype.publishRaw = () => {
      throw new Error('this worker was told to fail');
    };
    return;
  }
  // Most of it at once, so that the test is short; the rest slowly, as leaks are.
  const objects = (count: number): unknown[] => Array.from({ length: count }, (_, i) => ({ i }));
  const leak = Array.from({ length: 240 }, () => objects(20_000));
  setInterval(() => leak.push(objects(6000)), 40);
};

if (process.env.HELD_WORKER === String(index)) await new Promise(() => setInterval(() => {}, 1000));
await import('../../src/workers/worker.js');

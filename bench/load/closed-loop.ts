// Measures how many deliveries per second a server makes when it is never idle. One publisher keeps a window of
// messages in flight: it sends the next burst when every subscriber has received all of the last. This measures
// capacity and cost, not latency.

import { FanwireError } from '../../src/base/error.js';
import { cpuSeconds } from '../measure/cpu-time.js';
import { type ByteSockets, binaryFrame, type PublishedFrame } from './byte-sockets.js';

export interface ClosedLoop {
  /** Number of subscribers, without the publisher: it subscribes too, but is not counted. */
  readonly fanOut: number;
  readonly payloadBytes: number;
  /** What is published; a binary frame of `payloadBytes` unless given. */
  readonly message?: PublishedFrame;
  /** Messages in flight. */
  readonly window: number;
  readonly durationMs: number;
}

export interface Capacity {
  readonly deliveries: number;
  readonly deliveriesPerSecond: number;
  /** CPU seconds of the server per million deliveries; NaN where its CPU time cannot be read. */
  readonly cpuPerMillion: number;
}

/** The loop fails when nothing arrives for this long; otherwise it would wait forever. Checked once per second, so that
 *  a suspended machine or process, which misses all ticks but one, is not taken for a stall. */
const STALL_S = 10;

/** How much one loop delivered, and in what time. */
export interface Delivered {
  readonly deliveries: number;
  readonly elapsedMs: number;
}

/** Plays the loop over `sockets` (the first one publishes), and measures its rate and what it cost the server's
 *  processes, `pids`.
 *  @throws FanwireError FANWIRE_BENCH_STALLED when nothing arrives for ten seconds: the server lost a message or has
 *  stopped */
export async function closedLoop(sockets: ByteSockets, pids: readonly number[], loop: ClosedLoop): Promise<Capacity> {
  const cpuBefore = cpuSeconds(pids);
  const { deliveries, elapsedMs } = await playLoop(sockets, loop);
  return {
    deliveries,
    deliveriesPerSecond: (deliveries / elapsedMs) * 1000,
    cpuPerMillion: ((cpuSeconds(pids) - cpuBefore) / deliveries) * 1e6,
  };
}

/** Plays the loop until `durationMs` is over and the last burst has arrived.
 *  @throws FanwireError FANWIRE_BENCH_STALLED when nothing arrives for ten seconds */
export function playLoop(sockets: ByteSockets, loop: ClosedLoop): Promise<Delivered> {
  const [publisher] = sockets.sockets;
  if (publisher === undefined) throw new Error('a closed loop needs at least one open socket');
  const { frame, receivedBytes } = loop.message ?? binaryFrame(loop.payloadBytes);
  const burst = Buffer.concat(Array.from({ length: loop.window }, () => frame));
  const startedAt = performance.now();
  let due = sockets.received;
  let published = 0;
  return new Promise((resolve, reject) => {
    let lastReceived = -1;
    let silentS = 0;
    const watch = setInterval(() => {
      silentS = sockets.received === lastReceived ? silentS + 1 : 0;
      lastReceived = sockets.received;
      if (silentS < STALL_S) return;
      end();
      const missing = `${due - sockets.received} of the bytes that were due`;
      const what = `it delivered nothing for ${STALL_S} s in the closed loop, with ${missing} outstanding`;
      reject(new FanwireError('FANWIRE_BENCH_STALLED', what));
    }, 1000);
    const end = (): void => {
      clearInterval(watch);
      sockets.onReceive = undefined;
    };
    const next = (): void => {
      due += receivedBytes * loop.fanOut * loop.window;
      published += loop.window;
      publisher.write(burst);
    };
    sockets.onReceive = () => {
      if (sockets.received < due) return;
      const elapsedMs = performance.now() - startedAt;
      if (elapsedMs < loop.durationMs) {
        next();
        return;
      }
      end();
      resolve({ deliveries: published * loop.fanOut, elapsedMs });
    };
    next();
  });
}

// The links between threads: for each pair two rings and a channel that wakes, made by the main thread and handed out.
import { MessageChannel } from 'node:worker_threads';
import type { ThreadLink } from '../bus/link.js';
import { allocateRing } from '../bus/ring.js';

/** All rings together take at most about this much memory, however many threads there are. */
const ALL_RINGS_BYTES = 256 * 1024 * 1024;
const LARGEST_RING_BYTES = 1024 * 1024;
const SMALLEST_RING_BYTES = 64 * 1024;

/** Bytes of one ring among `threads` threads: a power of two. */
export function ringBytes(threads: number): number {
  const rings = threads * (threads - 1);
  const share = 2 ** Math.floor(Math.log2(ALL_RINGS_BYTES / rings));
  return Math.min(LARGEST_RING_BYTES, Math.max(SMALLEST_RING_BYTES, share));
}

/** What threads `a` and `b` share, as each of them sees it. */
export function linkPair(a: number, b: number, bytes: number): { readonly ofA: ThreadLink; readonly ofB: ThreadLink } {
  const { port1, port2 } = new MessageChannel();
  const aToB = allocateRing(bytes);
  const bToA = allocateRing(bytes);
  return {
    ofA: { peer: b, port: port1, inbound: bToA, outbound: aToB },
    ofB: { peer: a, port: port2, inbound: aToB, outbound: bToA },
  };
}

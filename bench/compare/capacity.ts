// What a side's server can do when it is never left idle, and what a delivery costs it then: alone, or in turns with
// the other side's server, some hundredths of a second each.
//
// In turns, because a machine that is shared changes its pace from second to second, by a quarter and more: two loops
// one after the other differ by that much, loops in turns see the same of it (cf. L. Bulej et al., Duet Benchmarking:
// Improving Measurement Accuracy in the Cloud, ICPE 2020; there both run at once, each on a core of its own). Measured
// in docs/decisions.md.

import { ByteSockets } from '../load/byte-sockets.js';
import { type Capacity, closedLoop } from '../load/closed-loop.js';
import { cpuSeconds } from '../measure/cpu-time.js';
import { countEvents, INSTRUCTIONS, KERNEL_INSTRUCTIONS } from '../measure/event-counter.js';
import { type Target, topicUrl } from '../targets/target.js';
import type { MeasuredCapacity } from './metrics.js';

export interface CapacityOptions {
  readonly subscribers: number;
  /** ms of closed loop of each server; 0: none. */
  readonly capacityMs: number;
  /** Whether `perf` counts the servers' instructions in it. */
  readonly countsInstructions: boolean;
}

/** Payload and window of the closed loop: small messages, enough in flight that the server never waits. */
const PAYLOAD_BYTES = 64;
const WINDOW = 16;
/** What is run and not counted before it, as a share: the just-in-time compiler's. */
const WARMUP = 0.5;
/** ms of a turn: long enough for hundreds of bursts, short beside what neighbours do. */
const TURN_MS = 30;

/** Null where there is nothing to be measured: another dialect, TLS, or no time for it. */
export async function capacityAlone(target: Target, options: CapacityOptions): Promise<MeasuredCapacity | null> {
  const [one = null] = await capacities([target], options, options.capacityMs);
  return one;
}

/** Of two servers that run beside each other, in turns; the first one has the first turn and the last. */
export async function capacityInTurns(
  targets: readonly [Target, Target],
  options: CapacityOptions,
): Promise<(MeasuredCapacity | null)[]> {
  return capacities(targets, options, TURN_MS);
}

async function capacities(
  targets: readonly Target[],
  options: CapacityOptions,
  turnMs: number,
): Promise<(MeasuredCapacity | null)[]> {
  if (options.capacityMs <= 0 || !targets.every(isMeasurable)) return targets.map(() => null);
  const loops = targets.map((target, i) => new Loop(target, i, options.subscribers));
  try {
    for (const loop of loops) await loop.open(options.capacityMs * WARMUP);
    const turns = Math.max(1, Math.round(options.capacityMs / turnMs));
    const play = () => playTurns(loops, turns, turnMs);
    if (!options.countsInstructions) {
      await play();
      return loops.map((loop) => ({ ...loop.capacity(), instructionsPerDelivery: null }));
    }
    const counts = await counted(targets, play);
    return loops.map((loop, i) => withInstructions(loop.capacity(), counts[i] ?? []));
  } finally {
    for (const loop of loops) loop.close();
  }
}

function isMeasurable({ urls, dialect }: Target): boolean {
  return dialect === 'raw' && urls[0]?.startsWith('ws://') === true;
}

/** AB, BA, AB, …: what drifts evenly weighs on both alike. */
async function playTurns(loops: readonly Loop[], turns: number, turnMs: number): Promise<void> {
  for (const loop of loops) loop.begin();
  for (let turn = 0; turn < turns; turn++) {
    for (const loop of turn % 2 === 0 ? loops : [...loops].reverse()) await loop.play(turnMs);
  }
  for (const loop of loops) loop.end();
}

/** Counts of [user, kernel] for each target while `work` runs; what one server does is none of the other's. */
async function counted(targets: readonly Target[], work: () => Promise<void>): Promise<(number | null)[][]> {
  const [first, ...rest] = targets;
  if (first === undefined) {
    await work();
    return [];
  }
  const events = [INSTRUCTIONS, KERNEL_INSTRUCTIONS];
  const { outcome, counts } = await countEvents(events, first.pids, () => counted(rest, work));
  return [[...counts], ...outcome];
}

function withInstructions(capacity: Capacity, counts: readonly (number | null)[]): MeasuredCapacity {
  const [user = null, kernel = null] = counts.map((count) => (count === null ? null : count / capacity.deliveries));
  return { ...capacity, instructionsPerDelivery: user, kernelInstructionsPerDelivery: kernel };
}

/** The closed loop of one server: its turns, summed. */
class Loop {
  private readonly sockets = new ByteSockets();
  private deliveries = 0;
  private seconds = 0;
  private cpuFrom = 0;
  private cpuS = 0;

  constructor(
    private readonly target: Target,
    private readonly index: number,
    private readonly subscribers: number,
  ) {}

  async open(warmupMs: number): Promise<void> {
    // A topic of its own: two servers behind one broker would hear each other.
    const url = topicUrl(this.target.urls[0] as string, `capacity-${this.index}`);
    await this.sockets.open(url, this.subscribers + 1);
    await this.loop(warmupMs);
  }

  begin(): void {
    this.cpuFrom = cpuSeconds(this.target.pids);
  }

  async play(ms: number): Promise<void> {
    const { deliveries, deliveriesPerSecond } = await this.loop(ms);
    this.deliveries += deliveries;
    this.seconds += deliveries / deliveriesPerSecond;
  }

  /** CPU from begin to end, the other's turns included: what a server puts off (collecting its garbage) is its own. */
  end(): void {
    this.cpuS = cpuSeconds(this.target.pids) - this.cpuFrom;
  }

  capacity(): Capacity {
    return {
      deliveries: this.deliveries,
      deliveriesPerSecond: this.deliveries / this.seconds,
      cpuPerMillion: (this.cpuS / this.deliveries) * 1e6,
    };
  }

  close(): void {
    this.sockets.close();
  }

  private loop(durationMs: number): Promise<Capacity> {
    const loop = { fanOut: this.subscribers, payloadBytes: PAYLOAD_BYTES, window: WINDOW, durationMs };
    return closedLoop(this.sockets, this.target.pids, loop);
  }
}

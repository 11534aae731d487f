// What a side's server can do when it is never left idle, and what a delivery costs it then: alone, or in turns with
// the other side's server, some hundredths of a second each.
//
// In turns, because a machine that is shared changes its pace from second to second, by a quarter and more: two loops
// one after the other differ by that much, loops in turns see the same of it (cf. L. Bulej et al., Duet Benchmarking:
// Improving Measurement Accuracy in the Cloud, ICPE 2020; there both run at once, each on a core of its own). What the
// length of a turn, the number of subscribers and the warm-up are worth was measured: docs/decisions.md.

import { FanwireError } from '../../src/base/error.js';
import { ByteSockets } from '../load/byte-sockets.js';
import { type Capacity, playLoop } from '../load/closed-loop.js';
import { processCpuSeconds } from '../measure/cpu-time.js';
import { countEvents, INSTRUCTIONS, KERNEL_INSTRUCTIONS } from '../measure/event-counter.js';
import { processesOf } from '../measure/server-load.js';
import { shownUrl, type Target, topicUrl } from '../targets/target.js';
import type { MeasuredCapacity } from './metrics.js';
import { type Block, capacitiesOf } from './turn-blocks.js';

export interface CapacityOptions {
  readonly subscribers: number;
  /** ms of closed loop of each server; 0: none. */
  readonly capacityMs: number;
  /** Whether `perf` counts the servers' instructions in it. */
  readonly countsInstructions: boolean;
  /** Further ones of each upgrade. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** For servers that take no such topic or as many connections, or conflate by design. */
const CLOSED_LOOP_MEND = ' (where it means to, --capacity 0 plays no closed loop)';

/** Payload and window of the closed loop: small messages, enough in flight that the server never waits. */
const PAYLOAD_BYTES = 64;
const WINDOW = 16;
/** ms at the start of each loop that are not counted: the just-in-time compiler still makes a delivery cheaper. */
export const WARMUP_MS = 500;
/** ms of a turn: some bursts, so that what a neighbour does for ten milliseconds is seen by both. */
const TURN_MS = 4;
/** Turns of each server that are read as one. */
const BLOCK_TURNS = 10;

/** A topic of its own: two servers behind one broker would hear each other. */
export function capacityTopic(index: number): string {
  return `capacity-${index}`;
}

/** One of the servers took no connection for its closed loop, or stopped delivering in it. */
export class ClosedLoopFault extends FanwireError {
  constructor(
    code: 'FANWIRE_BENCH_NO_CONNECTION' | 'FANWIRE_BENCH_STALLED',
    message: string,
    readonly target: Target,
  ) {
    super(code, message);
  }
}

/** Null where there is nothing to be measured: another dialect, TLS, or no time for it. */
export async function capacityAlone(target: Target, options: CapacityOptions): Promise<MeasuredCapacity | null> {
  const [one = null] = await capacities([target], options);
  return one;
}

/** Of two servers that run beside each other, in turns; the first one has the first turn and the last. */
export async function capacityInTurns(
  targets: readonly [Target, Target],
  options: CapacityOptions,
): Promise<(MeasuredCapacity | null)[]> {
  return capacities(targets, options);
}

async function capacities(targets: readonly Target[], options: CapacityOptions): Promise<(MeasuredCapacity | null)[]> {
  if (options.capacityMs <= 0 || !targets.every(isMeasurable)) return targets.map(() => null);
  const loops = targets.map((target, i) => new Loop(target, i, options));
  try {
    for (const loop of loops) await loop.open();
    await playTurns(loops, Math.round(WARMUP_MS / TURN_MS));
    const play = () => playBlocks(loops, options.capacityMs);
    if (!options.countsInstructions) {
      return capacitiesOf(await play()).map((capacity) => ({ ...capacity, instructionsPerDelivery: null }));
    }
    const { outcome, counts } = await counted(targets, play);
    return capacitiesOf(outcome).map((capacity, i) => withInstructions(capacity, counts[i] ?? []));
  } finally {
    for (const loop of loops) loop.close();
  }
}

function isMeasurable({ urls, dialect }: Target): boolean {
  return dialect === 'raw' && urls[0]?.startsWith('ws://') === true;
}

/** `durationMs` of each loop; what each did, block by block. */
async function playBlocks(loops: readonly Loop[], durationMs: number): Promise<Block[][]> {
  const rounds: Block[][] = [];
  for (const loop of loops) loop.take();
  for (let left = Math.max(1, Math.round(durationMs / TURN_MS)); left > 0; left -= BLOCK_TURNS) {
    await playTurns(loops, Math.min(left, BLOCK_TURNS));
    rounds.push(loops.map((loop) => loop.take()));
  }
  return rounds;
}

/** AB, BA, AB, …: what drifts evenly weighs on both alike. */
async function playTurns(loops: readonly Loop[], turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    for (const loop of turn % 2 === 0 ? loops : [...loops].reverse()) await loop.play(TURN_MS);
  }
}

/** What `work` gives, and counts of [user, kernel] for each target meanwhile: what one server does is none of the
 *  other's. */
async function counted<T>(
  targets: readonly Target[],
  work: () => Promise<T>,
): Promise<{ readonly outcome: T; readonly counts: (readonly (number | null)[])[] }> {
  const [first, ...rest] = targets;
  if (first === undefined) return { outcome: await work(), counts: [] };
  const events = [INSTRUCTIONS, KERNEL_INSTRUCTIONS];
  const { outcome, counts } = await countEvents(events, processesOf(first.pids), () => counted(rest, work));
  return { outcome: outcome.outcome, counts: [counts, ...outcome.counts] };
}

function withInstructions(capacity: Capacity, counts: readonly (number | null)[]): MeasuredCapacity {
  const [user = null, kernel = null] = counts.map((count) => (count === null ? null : count / capacity.deliveries));
  return { ...capacity, instructionsPerDelivery: user, kernelInstructionsPerDelivery: kernel };
}

/** The closed loop of one server: its turns, summed. */
class Loop {
  private readonly sockets = new ByteSockets();
  private deliveries = 0;
  private rates: number[] = [];
  private cpuS = 0;
  /** CPU seconds by process of the server. Listed once, when all its workers are there: to list them takes as long as
   *  a turn. */
  private readonly usedS = new Map<number, number>();

  constructor(
    private readonly target: Target,
    private readonly index: number,
    private readonly options: CapacityOptions,
  ) {}

  async open(): Promise<void> {
    const url = topicUrl(this.target.urls[0] as string, capacityTopic(this.index));
    try {
      const headers = Object.entries(this.options.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
      await this.sockets.open(url, this.options.subscribers + 1, headers.join(''));
    } catch (error) {
      const message = `no closed loop on ${shownUrl(url)}: ${(error as Error).message}${CLOSED_LOOP_MEND}`;
      throw new ClosedLoopFault('FANWIRE_BENCH_NO_CONNECTION', message, this.target);
    }
    for (const pid of processesOf(this.target.pids)) this.usedS.set(pid, 0);
  }

  async play(durationMs: number): Promise<void> {
    const loop = { fanOut: this.options.subscribers, payloadBytes: PAYLOAD_BYTES, window: WINDOW, durationMs };
    const { deliveries, elapsedMs } = await this.orStalled(playLoop(this.sockets, loop));
    this.deliveries += deliveries;
    this.rates.push((deliveries / elapsedMs) * 1000);
  }

  /** What was done since it was last taken. */
  take(): Block {
    for (const [pid, before] of this.usedS) {
      const now = processCpuSeconds(pid);
      // One that has ended uses no more; of the server itself nothing is known then.
      this.usedS.set(pid, Number.isNaN(now) && !this.target.pids.includes(pid) ? before : now);
    }
    const cpuS = [...this.usedS.values()].reduce((sum, used) => sum + used, this.usedS.size === 0 ? Number.NaN : 0);
    const block = { deliveries: this.deliveries, rates: this.rates, cpuS: cpuS - this.cpuS };
    [this.deliveries, this.rates, this.cpuS] = [0, [], cpuS];
    return block;
  }

  close(): void {
    this.sockets.close();
  }

  private async orStalled<T>(played: Promise<T>): Promise<T> {
    try {
      return await played;
    } catch (error) {
      if (!(error instanceof FanwireError)) throw error;
      throw new ClosedLoopFault('FANWIRE_BENCH_STALLED', `${error.message}${CLOSED_LOOP_MEND}`, this.target);
    }
  }
}

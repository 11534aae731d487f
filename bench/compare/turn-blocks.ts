// What closed loops that were played in turns come to. Turns are read in blocks; of a pair's blocks those count whose
// CPU ratio is among the middle half (an interquartile mean: it hardly moves when a neighbour, or V8 collecting the
// garbage of a server's start eight seconds after it, has one block in four). Deliveries a second are those of the
// fastest tenth of the turns: what the server can do when nobody is in the way. What it does seldom is in neither; who
// waits for it is in the open loop's p99.

import type { Capacity } from '../load/closed-loop.js';

/** What one server did within a block. */
export interface Block {
  readonly deliveries: number;
  /** Of each of its own turns, deliveries/s. */
  readonly rates: readonly number[];
  /** From the block's beginning to its end, the other's turns included: what a server puts off until it is idle is its
   *  own. NaN where it cannot be read. */
  readonly cpuS: number;
}

/** Of the blocks, the share that is left out at either end of their ratios. */
const TRIMMED = 0.25;
/** Of the turns, the share that tells what a server can do. */
const FASTEST = 0.1;

/** The capacity of each of the servers; `rounds` have a block of each, in the same order. */
export function capacitiesOf(rounds: readonly (readonly Block[])[]): Capacity[] {
  const kept = middleHalf(rounds);
  return (rounds[0] ?? []).map((_, server) => {
    const { cpuS, deliveries } = sum(kept, server);
    return {
      deliveries: sum(rounds, server).deliveries,
      deliveriesPerSecond: fastest(rounds.flatMap((round) => round[server]?.rates ?? [])),
      cpuPerMillion: (cpuS / deliveries) * 1e6,
    };
  });
}

function fastest(rates: readonly number[]): number {
  const best = [...rates].sort((a, b) => b - a).slice(0, Math.ceil(rates.length * FASTEST));
  return best.reduce((total, rate) => total + rate, 0) / best.length;
}

/** All of them where there is no pair, or no CPU time to go by. */
function middleHalf(rounds: readonly (readonly Block[])[]): readonly (readonly Block[])[] {
  const ratios = rounds.map(([one, two]) =>
    one === undefined || two === undefined ? Number.NaN : cost(two) / cost(one),
  );
  if (!ratios.every(Number.isFinite)) return rounds;
  const order = [...rounds.keys()].sort((a, b) => (ratios[a] as number) - (ratios[b] as number));
  const left = Math.floor(order.length * TRIMMED);
  return order.slice(left, order.length - left).map((i) => rounds[i] as readonly Block[]);
}

function cost({ cpuS, deliveries }: Block): number {
  return cpuS / deliveries;
}

function sum(rounds: readonly (readonly Block[])[], server: number): { deliveries: number; cpuS: number } {
  const total = { deliveries: 0, cpuS: 0 };
  for (const round of rounds) {
    total.deliveries += round[server]?.deliveries ?? 0;
    total.cpuS += round[server]?.cpuS ?? Number.NaN;
  }
  return total;
}

// What was wrong with what the sides delivered (lost, doubled, out of order, sent back to its publisher), and whether
// the head is worse in it than the base, whatever its speed.

import type { Result } from '../result/result.js';
import { Evidence } from './evidence.js';
import type { Pair } from './metrics.js';

/** One kind of fault, counted over all runs of a side. */
export interface DeliveryFault {
  readonly what: string;
  readonly base: number;
  readonly head: number;
  readonly isHeadWorse: boolean;
}

interface Kind {
  readonly what: string;
  /** The share of deliveries that may be faulty without anything being wrong. */
  readonly share: number;
  /** Whether there are servers that mean it. */
  readonly isWayOfSome: boolean;
  count(result: Result): number;
}

const KINDS: readonly Kind[] = [
  { what: 'lost or duplicated', share: 0, isWayOfSome: false, count: (one) => one.lost + one.duplicated },
  // A client that comes back may be told of the past late, which is no disorder of the relay's.
  { what: 'out of order', share: 0.001, isWayOfSome: false, count: (one) => one.outOfOrder },
  { what: 'sent back to their publisher', share: 0, isWayOfSome: true, count: (one) => one.echoed ?? 0 },
];

/** The faults of `pairs`. The head is worse where it has faults and the base has none, and where it has more of them
 *  pair by pair: were both alike, either would have more by even chances (the error `alpha`, one-sided). */
export function deliveryFaults(pairs: readonly Pair[], alpha: number): DeliveryFault[] {
  return KINDS.flatMap((kind) => faultOf(kind, pairs, alpha) ?? []);
}

function faultOf(kind: Kind, pairs: readonly Pair[], alpha: number): DeliveryFault | undefined {
  const [base, head] = [faultsOf(kind, pairs, 'base'), faultsOf(kind, pairs, 'head')];
  if (base + head === 0) return undefined;
  const isHeadWorse = head > 0 && (base === 0 || exceeds(kind, pairs, alpha));
  return kind.isWayOfSome && base > 0 && !isHeadWorse ? undefined : { what: kind.what, base, head, isHeadWorse };
}

/** Zero where they are too few to be one. */
function faultsOf({ share, count }: Kind, pairs: readonly Pair[], side: keyof Pair): number {
  const results = pairs.map((pair) => pair[side].result);
  const faults = results.reduce((sum, result) => sum + count(result), 0);
  return faults < share * results.reduce((sum, { delivered }) => sum + delivered, 0) ? 0 : faults;
}

/** The same evidence as on a ratio: how much more the head has than the base, pair by pair, against none. */
function exceeds({ count }: Kind, pairs: readonly Pair[], alpha: number): boolean {
  const evidence = new Evidence(0);
  for (const { base, head } of pairs) evidence.add(count(head.result) - count(base.result));
  return evidence.pAbove <= alpha;
}

/** After this many pairs, a fault in two of the head's runs is no accident. */
const TELLING_PAIRS = 4;
const TELLING_RUNS = 2;

/** Whether it is clear while playing that the head is worse: no further pair is needed then. */
export function isClearlyWorse(pairs: readonly Pair[], alpha: number): boolean {
  if (pairs.length < TELLING_PAIRS) return false;
  return KINDS.some((kind) => {
    const faulty = pairs.filter(({ head }) => kind.count(head.result) > 0);
    return faulty.length >= TELLING_RUNS && faultOf(kind, pairs, alpha)?.isHeadWorse === true;
  });
}

/** "messages lost or duplicated in burst: 54 by head, 0 by base" */
export function describeDeliveryFault({ what, base, head }: DeliveryFault, where: string): string {
  return `messages ${what}${where}: ${head} by head, ${base} by base`;
}

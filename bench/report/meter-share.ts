// How much of a latency is the meter's own, in words.

import { formatMs } from '../../src/base/page/format.js';
import type { Result } from '../result/result.js';

/** "of the p50 of 1.1 ms, 0.3 ms is the meter's"; undefined where it was not measured. */
export function meterShare({ latencyMs, generator }: Result): string | undefined {
  const floor = generator.floorMs?.p50;
  if (floor === undefined || floor === null || latencyMs.p50 === null) return undefined;
  return `of the p50 of ${formatMs(latencyMs.p50)}, ${formatMs(Math.min(floor, latencyMs.p50))} is the meter's`;
}

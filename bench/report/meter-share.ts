// How much of a latency is the meter's own, in words.

import { formatMs } from '../../src/base/page/format.js';
import type { Result } from '../result/result.js';

/** "of the p50 of 1.1 ms, 0.3 ms is the meter's; of the p99 of 4.2 ms, 1.6 ms"; undefined where it was not measured.
 *  For an engine that takes long over each copy (k6) it also names the parts: timers and intake. */
export function meterShare(result: Result): string | undefined {
  const p50 = shareOf('p50', result);
  if (p50 === undefined) return undefined;
  const p99 = shareOf('p99', result);
  const tail = p99 === undefined ? '' : `; of the p99 of ${formatMs(result.latencyMs.p99)}, ${p99.own}${p99.parts}`;
  return `of the p50 of ${formatMs(result.latencyMs.p50)}, ${p50.own} is the meter's${p50.parts}${tail}`;
}

function shareOf(at: 'p50' | 'p99', { latencyMs, generator }: Result): { own: string; parts: string } | undefined {
  const floor = generator.floorMs?.[at];
  const latency = latencyMs[at];
  if (floor === undefined || floor === null || latency === null) return undefined;
  const intake = generator.intakeMs?.[at];
  const own = formatMs(Math.min(floor + (intake ?? 0), latency));
  const parts = intake === undefined ? '' : ` (timers ${formatMs(floor)}, intake ${formatMs(intake)})`;
  return { own, parts };
}

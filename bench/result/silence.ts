// A server that hangs: it closes nothing and refuses nobody, and nothing comes any more of what it is sent.
import type { EngineReport } from '../engines/engine.js';
import type { Plan } from '../scenarios/scenario.js';

/** The least silence that counts, and how many messages, or bursts, must have been due in it. */
const LEAST_MS = 1500;
const LEAST_MESSAGES = 10;
const LEAST_BURSTS = 2;

type SilenceEvidence = Pick<EngineReport, 'lost' | 'published' | 'delivered' | 'series'>;

/** What the server did wrong, if it stopped delivering before the load ended, and delivered nothing after it either.
 *  A generator or a machine that is busy makes deliveries late, and still some come.
 *  @param isAnswered whether a delivery is the answer to a request
 *  @param phases when load began and ended, ms since the connect phase; undefined: the whole series is load */
export function silence(
  report: SilenceEvidence,
  { rate, burst }: Pick<Plan, 'rate' | 'burst'>,
  isAnswered: boolean,
  phases: { readonly measure: number; readonly drain: number } | undefined,
): string | undefined {
  const { series } = report;
  const missing = isAnswered ? report.published - report.delivered : report.lost;
  const endMs = phases?.drain ?? series.at(-1)?.t ?? 0;
  const lastMs = series.findLast(({ deliveries }) => deliveries > 0)?.t ?? phases?.measure ?? 0;
  const silentS = (endMs - lastMs) / 1000;
  const due = rate === 0 ? Number.POSITIVE_INFINITY : rate * silentS; // 0 and published: a closed loop
  if (missing <= 0 || silentS * 1000 < LEAST_MS || due < Math.max(LEAST_MESSAGES, LEAST_BURSTS * burst))
    return undefined;
  return `the server stopped delivering: nothing came of what it was sent in the last ${silentS.toFixed(1)} s of the load, nor after it`;
}

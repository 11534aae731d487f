// Which runs of a comparison count, and what of them.

import type { Result } from '../result/result.js';

/** A reason that every run of this load will have, whatever the neighbours do. */
export function isOfLoad(reason: string): boolean {
  return reason.startsWith('too few');
}

/** Whether a generator of which `reason` is said may have had its own part in connections that a server closed or
 *  refused: it was slow to read or at its end, not only late to send. */
export function excusesServer(reason: string): boolean {
  return !isOfLoad(reason) && !/: it sent messages .* late/.test(reason);
}

/** Why nothing that `run` measured may be used. Too few messages for a p99 is no such reason: CPU, losses and connect
 *  times are known, and the percentile has no figure. Where only the closed loop decides, neither is a late generator:
 *  then the run's times have no figure. */
export function whyInvalid({ result }: { readonly result: Result }, { isOpenLoopJudged }: Judged): string | undefined {
  const doubt = whyUntimed(result);
  const counts = isOpenLoopJudged || doubt?.startsWith('the generator ran out') === true;
  return (counts ? doubt : undefined) ?? result.serverFaults?.[0];
}

/** What a comparison judges by. */
export interface Judged {
  /** Whether the verdict depends on what the open loop measures, or the connecting before it. */
  readonly isOpenLoopJudged: boolean;
}

/** Why the times of a run's open loop are not the server's own. */
export function whyUntimed({ invalidReasons }: Result): string | undefined {
  return invalidReasons.find((reason) => !isOfLoad(reason));
}

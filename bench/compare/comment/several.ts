// Which of a run's comparisons are commented: a matrix may have played more than anybody wants as comments.

import { countOf } from '../../../src/base/page/format.js';
import { VERDICTS } from '../budget.js';
import type { KeptByRun, KeptComparison } from './run-artifact.js';

/** New comments of one run; those that it has already are written anew, however many. */
const MOST_COMMENTS = 10;

export interface Chosen {
  /** In the order in which they are written. */
  readonly comparisons: readonly KeptComparison[];
  /** Only where they have a comment already, which would say what is no longer so. */
  readonly rest: readonly KeptComparison[];
  /** What the first comment says of the others; '' where there are none. */
  readonly further: string;
}

export function chooseOf({ comparisons, unread }: KeptByRun): Chosen {
  const rank = ({ comparison }: KeptComparison): number => VERDICTS.indexOf(comparison.verdict);
  const ordered = [...comparisons].sort((one, other) => rank(one) - rank(other));
  const rest = ordered.slice(MOST_COMMENTS);
  const verdicts = VERDICTS.map((verdict) => [
    verdict,
    rest.filter(({ comparison }) => comparison.verdict === verdict).length,
  ]);
  const counts = verdicts.filter(([, count]) => count !== 0).map(([verdict, count]) => `${count} ${verdict}`);
  if (unread > 0) counts.push(`${unread} not looked at`);
  const number = rest.length + unread;
  const further =
    number === 0
      ? ''
      : `${countOf(number, 'further comparison')} of this run ${number === 1 ? 'has no comment of its own' : 'have no comment of their own'}: ${counts.join(', ')}.`;
  return { comparisons: ordered.slice(0, MOST_COMMENTS), rest, further };
}

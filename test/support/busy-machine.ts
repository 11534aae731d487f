// A comparison that measured nothing because others hold the machine's cores: the one way out that a test has.
import { shortReason } from '../../bench/compare/patience.js';

const OF_OTHERS = ['generator late', 'generator slow to read', 'generator busy', 'machine busy'];

/** The last line of a comparison that ended for that reason; undefined: it ended otherwise. */
export function busyMachine(outcome: { readonly status: number | null; readonly stderr: string }): string | undefined {
  if (outcome.status !== 3) return undefined;
  const lines = outcome.stderr.trim().split('\n');
  const said = lines.findLast((line) => line.includes('FANWIRE_COMPARE_INVALID')) ?? '';
  const reason = /in a row were invalid, the last because (.*); /.exec(said)?.[1];
  return reason !== undefined && OF_OTHERS.includes(shortReason(reason)) ? said : undefined;
}

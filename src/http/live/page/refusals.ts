// Who was turned away or cut, by reason: what an operator looks at when clients say that they cannot connect.
import { formatCount } from '../../../base/page/format.js';
import type { StatsReport } from '../../stats-report.js';
import { byId, KeyedRows, setCells } from './element.js';

const RECENT_MS = 60_000;

/** Reasons of cuts and rejected messages, in words. */
const WORDS: Readonly<Record<string, string>> = {
  'cut.tooBig': 'cut: message over --max-payload',
  'cut.badUtf8': 'cut: text that is not UTF-8',
  'cut.compression': 'cut: a compressed message that is broken or too big',
  'cut.protocol': 'cut: broke the WebSocket protocol',
  'cut.idle': 'cut: silent for --idle-timeout',
  'cut.expired': 'cut: its token ended',
  'cut.forbidden': 'cut: topic no longer permitted',
  'cut.rate': 'cut: published faster than it may',
  'cut.ops': 'cut: more ops or control frames than --max-op-rate',
  'cut.kicked': 'cut: closed by an administrator',
  'rejected.forbidden': 'message not taken: topic not permitted',
  'rejected.rate': 'message not taken: faster than it may',
};

type Totals = ReadonlyMap<string, number>;

function totalsOf({ total }: StatsReport): Totals {
  const prefixed = (prefix: string, counts: Readonly<Record<string, number>>): [string, number][] =>
    Object.entries(counts).map(([reason, count]) => [`${prefix}.${reason}`, count]);
  return new Map([
    ...Object.entries(total.refused),
    ...prefixed('cut', total.cut),
    ...prefixed('rejected', total.rejected),
  ]);
}

const refusalRows = new KeyedRows(byId('refusal-rows'));
let lastMinute: { readonly atMs: number; readonly pid: number; readonly totals: Totals }[] = [];

export function showRefusals(report: StatsReport): void {
  const atMs = Date.parse(report.now);
  const totals = totalsOf(report);
  lastMinute = lastMinute.filter((each) => each.pid === report.pid && atMs - each.atMs <= RECENT_MS);
  const then = lastMinute[0]?.totals ?? totals;
  lastMinute.push({ atMs, pid: report.pid, totals });
  const reasons = [...totals]
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => ({ reason, count, recent: count - (then.get(reason) ?? 0) }))
    .sort((one, other) => other.recent - one.recent || other.count - one.count);
  byId('refusals-empty').hidden = reasons.length > 0;
  refusalRows.show(
    reasons,
    ({ reason }) => reason,
    (row, { reason, count, recent }) => {
      setCells(row, 0, [WORDS[reason] ?? reason, formatCount(recent), formatCount(count)]);
      row.classList.toggle('hot', recent > 0);
    },
  );
}

/** Codes of which the relay refused more between two reports, the most first: why a browser's connection failed is in
 *  no event. */
export function refusedBetween(before: StatsReport, after: StatsReport): string[] {
  const more = Object.entries(after.total.refused).map(
    ([code, count]) => [code, count - (before.total.refused[code] ?? 0)] as const,
  );
  return more
    .filter(([, count]) => count > 0)
    .sort(([, one], [, other]) => other - one)
    .map(([code]) => code);
}

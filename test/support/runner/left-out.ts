// What is said of tests that were left out: how many, why, and what would let them run.

export interface SkippedTest {
  readonly name: string;
  readonly file: string;
  readonly reason: string;
}

/** The last lines of `npm test`; none where nothing was left out. */
export function leftOutLines(skipped: readonly SkippedTest[]): string[] {
  if (skipped.length === 0) return ['', 'No test was left out.'];
  const byReason = new Map<string, number>();
  for (const { reason } of skipped) byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
  const rows = [...byReason].sort(([, a], [, b]) => b - a);
  const width = String(rows[0]?.[1] ?? 0).length;
  const lines = rows.map(([reason, count]) => `  ${String(count).padStart(width)}  ${reason}`);
  return ['', `${skipped.length} ${skipped.length === 1 ? 'test was' : 'tests were'} left out:`, ...lines];
}

/** Those whose reason none of the words in `mayLack` (separated by commas) occurs in. */
export function unexpectedlyLeftOut(skipped: readonly SkippedTest[], mayLack = ''): SkippedTest[] {
  const words = mayLack.split(',').flatMap((word) => word.trim() || []);
  return skipped.filter(({ reason }) => !words.some((word) => reason.includes(word)));
}

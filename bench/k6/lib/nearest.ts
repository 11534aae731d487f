// Copied from src/base/nearest.ts by `npm run docs`: change that one.

// The name a person probably meant.

/** Optimal string alignment distance (Damerau-Levenshtein without overlapping swaps): insert, delete, replace, swap. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, replace);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[j - 2] as number) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}

/** The candidate nearest to `name`, unless all are too far off to be what was meant (over 40 % of the letters differ).
 *  A name that starts with the given one (`maxPayload` for `maxPayloadBytes`) counts as near. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const given = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const full = candidate.toLowerCase();
    const prefix = given.length >= 4 && full.startsWith(given);
    const distance = prefix ? 1 : editDistance(given, full);
    if (distance > Math.max(given.length, full.length) * 0.4 || distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** `; did you mean X?`, or nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const near = nearest(name, candidates);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

// Exact bounds of a rate from how often it was seen, for the tables of false alarms and of regressions caught.

/** The upper end of the two-sided 95 % interval of a rate that was seen `hits` times in `trials`: C. J. Clopper and E.
 *  S. Pearson, "The use of confidence or fiducial limits" (Biometrika 26, 1934), by bisection. */
export function upperBound(hits: number, trials: number): number {
  return hits >= trials ? 1 : solve((rate) => binomialCdf(hits, trials, rate) > 0.025);
}

export function lowerBound(hits: number, trials: number): number {
  return hits === 0 ? 0 : 1 - upperBound(trials - hits, trials);
}

/** The highest rate for which `holds` is true. */
function solve(holds: (rate: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 40; i++) {
    const mid = (low + high) / 2;
    if (holds(mid)) low = mid;
    else high = mid;
  }
  return high;
}

function binomialCdf(hits: number, trials: number, rate: number): number {
  let logTerm = trials * Math.log1p(-rate);
  let sum = Math.exp(logTerm);
  for (let k = 1; k <= hits; k++) {
    logTerm += Math.log(((trials - k + 1) / k) * (rate / (1 - rate)));
    sum += Math.exp(logTerm);
  }
  return Math.min(1, sum);
}

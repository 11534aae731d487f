// How many messages are due at a given time: at a constant rate, or at one that changes in stages like k6's own
// (linearly to each stage's target).

export interface RateStage {
  readonly durationS: number;
  /** Messages per second at the end of the stage. */
  readonly target: number;
}

/** Messages of all publishers that are due in the first `s` seconds of load. */
export function messagesBy(s: number, rate: number, warmupS: number, stages: readonly RateStage[]): number {
  let messages = rate * Math.min(s, warmupS);
  let left = s - warmupS;
  let from = rate;
  for (const { durationS, target } of stages) {
    if (left <= 0) return messages;
    const t = Math.min(left, durationS);
    messages += from * t + ((target - from) * t * t) / (2 * durationS);
    left -= t;
    from = target;
  }
  return messages;
}

/** What rounding may add to a count of messages: far less than one message, far more than floating-point error. */
const ROUNDING = 1e-6;

/** After how many seconds `messages` are due; Infinity after the last stage. */
export function secondOf(messages: number, rate: number, warmupS: number, stages: readonly RateStage[]): number {
  if (messages <= rate * warmupS) return rate === 0 ? 0 : messages / rate;
  let left = messages - rate * warmupS;
  let since = warmupS;
  let from = rate;
  for (const { durationS, target } of stages) {
    const inStage = ((from + target) / 2) * durationS;
    // Adding the same stages in two ways gives slightly different floats, and the last message must not be due after
    // the end.
    if (left <= inStage + ROUNDING) {
      const slope = (target - from) / durationS;
      const root = Math.sqrt(Math.max(0, from * from + 2 * slope * left));
      const seconds = slope === 0 ? left / from : (root - from) / slope;
      return since + (from === 0 && slope === 0 ? 0 : Math.min(seconds, durationS));
    }
    left -= inStage;
    since += durationS;
    from = target;
  }
  return Infinity;
}

// What VUs print when `fanwire bench` asks for it, one line each: written in k6, read in bench/engines/k6.

/** Times in ms since the epoch, and how many VUs play each role; printed by setup(). */
export interface TimelineLine {
  readonly kind: 'timeline';
  readonly connectAt: number;
  readonly warmupAt: number;
  readonly measureAt: number;
  readonly drainAt: number;
  readonly endAt: number;
  readonly subscribers: number;
  readonly visitors: number;
  readonly publishers: number;
}

export interface K6ProgressLine {
  readonly kind: 'progress';
  readonly vu: number;
  readonly opened: number;
  readonly delivered: number;
  /** Latencies of the seconds that ended since the last such line, as a flat list. */
  readonly latencyUs: readonly number[];
}

/** Histograms are flat lists `[µs, count, µs, count, …]`. */
export interface SubscribersLine {
  readonly kind: 'subscribers';
  readonly openByTopic: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
  readonly opened: number;
  readonly failed: number;
  readonly late: number;
  readonly closedByServer: number;
  readonly behindMs: number;
  readonly foreign: number;
  readonly lastAt: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly outOfOrder: number;
  readonly connectUs: readonly number[];
  readonly lagUs: readonly number[];
  readonly seconds: readonly { readonly opened: number; readonly latencyUs: readonly number[] }[];
}

export interface PublishersLine {
  readonly kind: 'publishers';
  readonly publishers: readonly { readonly topic: number; readonly sent: number; readonly unsent: number }[];
  readonly slipUs: readonly number[];
  readonly opened: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly closedByServer: number;
}

export type K6Line = TimelineLine | K6ProgressLine | SubscribersLine | PublishersLine;

/** Starts each line, to distinguish it from everything else that k6 logs. */
const MARK = 'fanwire ';

export function writeLine(line: K6Line): string {
  return MARK + JSON.stringify(line);
}

/** The line in one entry of k6's log; undefined when the entry is not one of these lines. */
export function readLine(message: string): K6Line | undefined {
  return message.startsWith(MARK) ? (JSON.parse(message.slice(MARK.length)) as K6Line) : undefined;
}

// Decides when figures are k6's own and not the server's. docs/k6.md has the measurements behind each limit.

import { percentileMs } from '../../measure/histogram.js';
import type { Plan } from '../../scenarios/scenario.js';
import type { Account } from './account.js';

/** The longest that a frame may wait for its handler (p99). Runs that k6 could keep up with stayed below a third of it.
 *  */
const MOST_HANDLER_LAG_MS = 50;
/** Reading one message's whole fan-out may always add this much latency. */
const NEGLIGIBLE_INTAKE_MS = 5;
/** Above that, reading may add at most this part of the median latency. */
const MOST_INTAKE_PART = 0.5;

/** Aligned clocks differ by less than a millisecond. A larger difference means that a clock was set, or never aligned.
 *  */
const MOST_BEHIND_MS = 2;

const MEND = 'fewer --subscribers, a lower --rate, or --engine native';

/** How long k6 needs to read all copies of the messages that one publisher sends at one instant: its CPU time per
 *  delivery, times the copies, divided by its cores. k6 cannot measure a server that is faster than this. */
export function intakeMs(account: Account, plan: Plan, cpuS: number, cores: number): number {
  if (account.delivered === 0) return 0;
  const perDeliveryMs = (cpuS * 1000) / account.delivered;
  return (perDeliveryMs * account.largestTopic * plan.burst) / cores;
}

/** Why the latencies are mostly k6's and not the server's; empty when there is no such reason. */
export function delays(account: Account, intake: number): string[] {
  const reasons: string[] = [];
  const lag = percentileMs(account.lagUs, 99) ?? 0;
  const median = percentileMs(account.latencyUs, 50) ?? 0;
  if (lag > MOST_HANDLER_LAG_MS) {
    reasons.push(
      `k6 was saturated: a received frame waited ${lag.toFixed(0)} ms (p99, at most ${MOST_HANDLER_LAG_MS}) for its handler; ${MEND}`,
    );
  }
  if (intake > NEGLIGIBLE_INTAKE_MS && intake > median * MOST_INTAKE_PART) {
    reasons.push(
      `k6 itself needs ${intake.toFixed(1)} ms to take in one message for all its subscribers, too much of the measured median of ${median.toFixed(1)} ms; ${MEND}`,
    );
  }
  return reasons;
}

/** Why figures are missing or cannot be trusted. */
export function doubts(account: Account): string[] {
  const reasons: string[] = [];
  if (!account.isComplete) reasons.push('some VUs of k6 did not finish in time, so their figures are missing');
  if (account.late > 0)
    reasons.push(`${account.late} connections opened only after measuring had begun: lower connectRate`);
  if (account.unsent > 0 && account.publishersEnded === 0) {
    reasons.push(`${account.unsent} messages were due before their publisher had connected`);
  }
  if (account.behindMs > MOST_BEHIND_MS) {
    reasons.push(
      `a message was read ${account.behindMs.toFixed(1)} ms before it can have been sent: the machine's clock was set back, or k6's is off`,
    );
  }
  return reasons;
}

/** What the server did wrong, however busy k6 was. */
export function faults(account: Account): string[] {
  const found: string[] = [];
  if (account.closedByServer > 0) {
    found.push(`the server closed ${account.closedByServer} connections during the run`);
  }
  if (account.unsent > 0 && account.publishersEnded > 0) {
    found.push(`${account.unsent} messages could not be sent: the server refused or closed their publisher`);
  }
  return found;
}

/** Warns readers of small latencies that they are mostly k6's. */
export function intakeRemark(account: Account, intake: number): string[] {
  const median = percentileMs(account.latencyUs, 50) ?? 0;
  if (account.delivered === 0 || intake <= median) return [];
  return [
    `k6 needs ${intake.toFixed(1)} ms to take in one message for all its subscribers, more than the median of ${median.toFixed(1)} ms: the server's is lower`,
  ];
}

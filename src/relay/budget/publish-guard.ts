// Whether a connection may publish this message: its permission, and its rate. Asked only where one of them can say no.
import { type Refusal, Refused } from '../../protocol/codes.js';
import type { Counters } from '../watch/counters.js';
import {
  limitsPublishing,
  mayPublish,
  newPublishBudget,
  type PublishBudget,
  type PublishLimits,
} from './publish-limit.js';

/** Whoever publishes: a connection, or an HTTP client. */
export interface Publisher {
  /** What is left of its rates; undefined before its first message. */
  budget: PublishBudget | undefined;
}

const now = (): number => performance.now();

export class PublishGuard {
  /** False where every client may publish as much as it likes: then nobody needs to ask. */
  readonly isNeeded: boolean;
  private readonly isLimited: boolean;

  constructor(
    private readonly limits: PublishLimits,
    authenticates: boolean,
    private readonly counters: Counters,
  ) {
    this.isLimited = limitsPublishing(limits);
    this.isNeeded = this.isLimited || authenticates;
  }

  /** Why `publisher` may not publish `bytes` bytes, where `permitted` says what its token allows. Counts what it
   *  refuses. */
  check(publisher: Publisher, permitted: boolean, bytes: number): Refusal | undefined {
    if (!permitted) {
      this.counters.rejected.forbidden++;
      return Refused.publishForbidden;
    }
    if (!this.isLimited) return undefined;
    publisher.budget ??= newPublishBudget(this.limits, now());
    if (mayPublish(publisher.budget, this.limits, bytes, now)) return undefined;
    this.counters.rejected.rate++;
    return Refused.publishRate;
  }
}

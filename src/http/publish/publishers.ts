// HTTP publishers and their publish rates: a request has no connection to keep a budget in, so it is kept by user or
// address.
import type { Identity } from '../../auth/auth.js';
import type { Publisher } from '../../relay/budget/publish-guard.js';
import { addressKey } from '../../relay/door/client-address.js';

/** Publishers remembered; beyond, the one that has been silent longest starts anew with a full budget. */
const MAX_PUBLISHERS = 10_000;

export class HttpPublishers {
  private readonly byKey = new Map<string, Publisher>();

  /** The publisher of a request: the token's user, or the client's address where it has none. */
  of(identity: Identity, address: string): Publisher {
    const key = identity.user === undefined ? `address ${addressKey(address)}` : `user ${identity.user}`;
    const publisher = this.byKey.get(key) ?? { budget: undefined };
    // A Map keeps the order of insertion: put in again, it is the youngest.
    this.byKey.delete(key);
    this.byKey.set(key, publisher);
    if (this.byKey.size > MAX_PUBLISHERS) this.byKey.delete(this.byKey.keys().next().value as string);
    return publisher;
  }
}

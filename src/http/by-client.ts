// What is remembered of HTTP clients, such as what is left of a budget: a request has no connection to keep it in, so
// it is kept by user or address.
import type { Identity } from '../auth/auth.js';
import { addressKey } from '../relay/door/client-address.js';

/** Clients remembered; beyond, the one that has been silent longest starts anew. */
const MAX_CLIENTS = 10_000;

export class ByClient<Account> {
  private readonly byKey = new Map<string, Account>();

  /** @param open makes what is remembered of a new client */
  constructor(private readonly open: () => Account) {}

  /** What is remembered of whoever makes a request: the token's user, or the client's address where it has none. */
  of(identity: Identity, address: string): Account {
    const key = identity.user === undefined ? `address ${addressKey(address)}` : `user ${identity.user}`;
    const account = this.byKey.get(key) ?? this.open();
    // A Map keeps the order of insertion: put in again, it is the youngest.
    this.byKey.delete(key);
    this.byKey.set(key, account);
    if (this.byKey.size > MAX_CLIENTS) this.byKey.delete(this.byKey.keys().next().value as string);
    return account;
  }
}

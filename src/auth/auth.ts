// The interface of authentication: it takes a token and returns who the client is and what it may do. Implementations
// are beside this file.
import type { Refusal } from '../protocol/codes.js';
import type { TopicMatcher } from './permissions.js';

/** Who a connection or request is, and what it may do. */
export interface Identity {
  /** The token's `sub`; absent for anonymous clients. */
  readonly user?: string | undefined;
  /** Unix time in ms after which the identity no longer holds and its sockets close with 4401; absent means never. */
  readonly expiresAtMs?: number | undefined;
  canSubscribe(topic: string): boolean;
  canPublish(topic: string): boolean;
  /** Set once the same token has other permissions: its sockets have to come back for them. */
  readonly isReplaced?: boolean;
  /** Set for a client that was let in only to be told why it is refused. */
  readonly refusal?: Refusal;
}

/** An identity that may do nothing, to tell the client why it is refused: browsers do not show a page why an upgrade
 *  failed. */
export function refusedIdentity(refusal: Refusal): Identity {
  return { refusal, canSubscribe: () => false, canPublish: () => false };
}

/** Turns a token into an identity, or into a refusal with a stable code. Never throws because of what a client sent. */
export interface Authenticator {
  authenticate(token: string | undefined): Identity | Refusal | Promise<Identity | Refusal>;
  /** Reads tokens or keys again (SIGHUP). Keeps what it has, and logs why, when the new ones are unusable. */
  reload?(): void | Promise<void>;
  /** False once an identity given out earlier has been revoked by a reload; such sockets close with 4401. */
  holds?(identity: Identity): boolean;
}

/** What authenticators log with: a pino logger fits. No part of a token is ever passed to it. */
export interface AuthLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The largest token accepted, in bytes. A longer one is refused before it is parsed. */
export const MAX_TOKEN_BYTES = 8192;

export function isRefusal(outcome: Identity | Refusal): outcome is Refusal {
  return 'status' in outcome;
}

/** An identity with permissions from a token. */
export class TokenIdentity implements Identity {
  constructor(
    readonly user: string | undefined,
    readonly expiresAtMs: number | undefined,
    private readonly sub: TopicMatcher,
    private readonly pub: TopicMatcher,
  ) {}

  canSubscribe(topic: string): boolean {
    return this.sub.matches(topic);
  }

  canPublish(topic: string): boolean {
    return this.pub.matches(topic);
  }
}

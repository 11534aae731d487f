// What the relay sends in `fanwire.v1`, as types, and the types that ops consist of. What a client sends is in
// envelope.ts, next to its parser. docs/protocol.md describes both.

/** A place in a topic's history: `seq` rises with every publish and means something only within its `epoch`. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** Links an answer to its op: any string of up to 64 characters, or a safe integer. */
export type OpId = string | number;

export type Encoding = 'base64';

/** Tells a publish that is sent again from a new one. */
export interface PublishId {
  readonly pid: string;
  /** Milliseconds since it was first sent; undefined the first time. */
  readonly repeat: number | undefined;
}

/** What was published, as each audience of a topic gets it. */
export interface Payload {
  /** For enveloped subscribers: the JSON text after `"data":`, byte for byte as published; `"encoding"` follows if it
   *  is set. */
  readonly body: string;
  /** For raw subscribers: a string goes out as a text frame, bytes as a binary one. */
  readonly raw: string | Uint8Array;
  /** Whether bytes in `raw` go out as a text frame after all. */
  readonly isText?: boolean;
  /** The key that tells messages of a topic apart if only the newest of each is delivered; undefined if the
   *  publisher gave none. */
  readonly key?: string;
}

/** Why a frame is not a valid op: the stable code, a line for people, and the op that the error answers, as far as
 *  it was readable. */
export interface InvalidOp {
  readonly op: 'invalid';
  readonly code: string;
  readonly message: string;
  readonly id?: OpId | undefined;
  readonly topic?: string | undefined;
}

/** A refusal's advice on a retry: after how long it may help, or that only a new token does. With neither it is
 *  final. */
export interface RetryAdvice {
  readonly retryAfterMs?: number | undefined;
  readonly authenticate?: true | undefined;
}

/** What one connection may do. Fields without a limit are left out. */
export interface Limits {
  /** Bytes of a frame. */
  readonly maxPayload: number;
  readonly publishesPerS?: number;
  /** Bytes of `pub` frames. */
  readonly publishBytesPerS?: number;
  /** `sub`, `unsub`, `presence` and the like. */
  readonly opsPerS?: number;
}

export interface Member {
  /** Names one connection for as long as it lasts. */
  readonly id: string;
  /** The `sub` claim of its token; missing for an anonymous connection. */
  readonly user?: string;
}

/** Why a `sub` with `since` could not replay what was missed. */
export type Unrecovered = 'no-history' | 'epoch-changed' | 'too-old' | 'unknown-position';

/** What the relay sends. */
export type ServerOp =
  | {
      readonly op: 'msg';
      readonly topic: string;
      readonly data: unknown;
      readonly encoding?: Encoding;
      readonly seq?: number;
      readonly from?: string;
      /** How many messages this one has replaced. */
      readonly skipped?: number;
      /** In a replay: the id it was published with. */
      readonly pid?: string;
    }
  | {
      readonly op: 'hello';
      readonly limits: Limits;
      /** How long publish ids are remembered. */
      readonly dedupMs: number;
      /** Until the token ends; nothing for one that does not. */
      readonly expiresInMs?: number;
    }
  | {
      readonly op: 'ok';
      readonly id?: OpId;
      readonly topic?: string;
      readonly epoch?: string;
      readonly seq?: number;
      readonly recovered?: boolean;
      readonly reason?: Unrecovered;
      readonly replayed?: number;
      /** How many messages are kept that were not asked for. */
      readonly kept?: number;
      /** What is replayed is only the newest of each key. */
      readonly conflated?: boolean;
      /** The number that a rewind begins after. */
      readonly after?: number;
      readonly members?: readonly Member[];
      readonly count?: number;
      readonly expiresInMs?: number;
    }
  | ({
      readonly op: 'error';
      readonly code: string;
      readonly message: string;
      readonly id?: OpId;
      readonly topic?: string;
    } & RetryAdvice)
  | { readonly op: 'join' | 'leave'; readonly topic: string; readonly member: Member }
  /** For who asked for it, joins and leaves together; of a large topic only how many members it has. */
  | {
      readonly op: 'presence';
      readonly topic: string;
      readonly join?: readonly Member[];
      readonly leave?: readonly Member[];
      readonly count?: number;
    }
  | { readonly op: 'lost'; readonly topic: string; readonly count: number; readonly recoverable?: boolean }
  | { readonly op: 'drain'; readonly reconnectInMs: number }
  | { readonly op: 'pong'; readonly id?: OpId };

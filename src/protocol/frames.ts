// Writes every frame of `fanwire.v1` that the relay sends, by string concatenation, so that a fan-out serialises once
// per publish.
import type { InvalidOp, Limits, Member, OpId, Position, RetryAdvice, Unrecovered } from './ops.js';

/** The part of a `msg` that every publish of a topic shares; a topic keeps it. */
export function msgHead(topic: string): string {
  return `{"op":"msg","topic":${JSON.stringify(topic)},"data":`;
}

/** A `msg`. `head` is msgHead(topic), `body` a Payload's body; `seq` is 0 if the topic has no history, `skipped` is
 *  how many messages this one has replaced. */
export function msgFrame(head: string, body: string, seq: number, from: string | undefined, skipped = 0): string {
  if (skipped > 0) return msgFrame(head, `${body},"skipped":${skipped}`, seq, from);
  if (from === undefined) return seq === 0 ? `${head}${body}}` : `${head}${body},"seq":${seq}}`;
  const user = JSON.stringify(from);
  return seq === 0 ? `${head}${body},"from":${user}}` : `${head}${body},"seq":${seq},"from":${user}}`;
}

/** The largest `msg` that a payload of `payloadBytes` can become: JSON escapes a control character with six. */
export function maxFrameBytes(payloadBytes: number): number {
  return 6 * payloadBytes + 4096;
}

/** What enveloped subscribers get of a raw text frame. */
export function textBody(text: string): string {
  return JSON.stringify(text);
}

/** What enveloped subscribers get of a raw binary frame: `data` in base64, and the `encoding` that says so. */
export function binaryBody(bytes: Uint8Array): string {
  return base64Body(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'));
}

/** What enveloped subscribers get of a raw frame. */
export function rawBody(message: ArrayBuffer | Uint8Array, isBinary: boolean): string {
  const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
  if (isBinary) return binaryBody(bytes);
  return textBody(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
}

export function base64Body(base64: string): string {
  return `"${base64}","encoding":"base64"`;
}

/** What the answer to an op carries besides its id. */
export interface OkFields {
  readonly topic?: string;
  readonly position?: Position;
  /** The number a publish was given. */
  readonly seq?: number;
  /** Set in the answer to a `sub` with `since`: how many messages follow, or why none could. */
  readonly recovery?: { readonly replayed: number } | { readonly reason: Unrecovered };
  /** Set if the last messages kept follow: how many, and the number after which they begin. */
  readonly rewound?: { readonly replayed: number; readonly after: number };
  /** Only the newest message of each key is replayed. */
  readonly isConflated?: boolean;
  /** Messages that are kept and were not asked for. */
  readonly kept?: number;
  readonly members?: readonly Member[];
  /** How many members there are in all; `members` may hold only the first of them. */
  readonly count?: number;
  /** Milliseconds until the token ends. */
  readonly expiresInMs?: number | undefined;
}

export function okFrame(id: OpId | undefined, fields: OkFields): string {
  let frame = '{"op":"ok"';
  if (id !== undefined) frame += `,"id":${JSON.stringify(id)}`;
  if (fields.topic !== undefined) frame += `,"topic":${JSON.stringify(fields.topic)}`;
  if (fields.position !== undefined) {
    frame += `,"epoch":${JSON.stringify(fields.position.epoch)},"seq":${fields.position.seq}`;
  }
  if (fields.seq !== undefined) frame += `,"seq":${fields.seq}`;
  if (fields.recovery !== undefined) {
    frame +=
      'reason' in fields.recovery
        ? `,"recovered":false,"reason":"${fields.recovery.reason}"`
        : `,"recovered":true,"replayed":${fields.recovery.replayed}`;
  }
  if (fields.rewound !== undefined) frame += `,"after":${fields.rewound.after},"replayed":${fields.rewound.replayed}`;
  if (fields.isConflated) frame += ',"conflated":true';
  if (fields.kept) frame += `,"kept":${fields.kept}`;
  if (fields.members !== undefined) frame += `,"members":${JSON.stringify(fields.members)}`;
  if (fields.count !== undefined) frame += `,"count":${fields.count}`;
  if (fields.expiresInMs !== undefined) frame += `,"expiresInMs":${fields.expiresInMs}`;
  return `${frame}}`;
}

export function errorFrame(error: Omit<InvalidOp, 'op'> & RetryAdvice): string {
  const { code, message, id, topic, retryAfterMs, authenticate } = error;
  return JSON.stringify({ op: 'error', code, message, id, topic, retryAfterMs, authenticate });
}

/** The first frame of a connection. */
export function helloFrame(limits: Limits, dedupMs: number, expiresInMs: number | undefined): string {
  return JSON.stringify({ op: 'hello', limits, dedupMs, expiresInMs });
}

export function presenceFrame(op: 'join' | 'leave', topic: string, member: Member): string {
  return JSON.stringify({ op, topic, member });
}

/** Joins and leaves in one frame, for clients that asked for it. */
export function presenceNewsFrame(topic: string, join: readonly Member[], leave: readonly Member[]): string {
  const some = (members: readonly Member[]) => (members.length > 0 ? members : undefined);
  return JSON.stringify({ op: 'presence', topic, join: some(join), leave: some(leave) });
}

/** How many members there are, if they are too many to be named. */
export function presenceCountFrame(topic: string, count: number): string {
  return JSON.stringify({ op: 'presence', topic, count });
}

/** Messages that did not reach a subscriber. `recoverable` says that a `sub` with `since` can bring them back. */
export function lostFrame(topic: string, count: number, recoverable: boolean): string {
  const hint = recoverable ? ',"recoverable":true' : '';
  return `{"op":"lost","topic":${JSON.stringify(topic)},"count":${count}${hint}}`;
}

export function drainFrame(reconnectInMs: number): string {
  return `{"op":"drain","reconnectInMs":${reconnectInMs}}`;
}

export function pongFrame(id: OpId | undefined): string {
  return id === undefined ? '{"op":"pong"}' : `{"op":"pong","id":${JSON.stringify(id)}}`;
}

// Ops on their way to the relay: each waits for a connection, for its turn or for its answer, and every promise
// settles. They are sent in order and no faster than the relay's limits allow.
import { FanwireError } from '../base/error.js';
import type { ErrorCode } from '../base/error-codes.js';
import type { Limits, RetryAdvice, ServerOp } from '../protocol/ops.js';
import { fault } from './fault.js';
import { bounded, createAlarm, now } from './times.js';

export type OkOp = Extract<ServerOp, { op: 'ok' }>;
export type ErrorOp = Extract<ServerOp, { op: 'error' }>;

/** A refusal, with `retryAfterMs` if the relay said that it is temporary. */
export type RefusalError = FanwireError & RetryAdvice;

interface Unanswered {
  /** Called with the answer before the next frame is read. A promise would be too late: `ws` reads several frames in
   *  one go. */
  readonly _resolve: (answer: OkOp) => void;
  readonly _reject: (error: RefusalError) => void;
  readonly _id: number;
  /** The frame without its last brace. */
  readonly _text: string;
  readonly _bytes: number;
  readonly _isPublish: boolean | undefined;
  /** When it was first sent, as Unix time in ms: the clock that goes on while the machine sleeps. */
  _saidAtMs?: number;
  /** Ends the wait for an answer, over all connections. */
  _timer?: ReturnType<typeof setTimeout>;
  /** It was sent on an earlier connection, and not answered. */
  _isRepeat?: true;
}

/** The relay's token buckets hold one second's worth. A client uses at most half of it at once: a relay that was
 *  held up reads in one go all that was sent in the meantime, with no more than a full bucket to pay for it. */
const BURST_MS = 500;
/** What an op costs at a limit of one op a second: a little more than a second, since the relay's clock differs from
 *  this one. */
const COST_MS = 1050;

/** What each takes besides its bytes. */
const ENTRY_BYTES = 350;
/** Unconfirmed publishes whose ids are remembered. */
const MAX_UNSURE = 1e4;

/** Ops by id, and their size. */
class Held extends Map<number, Unanswered> {
  _bytes = 0;

  _put(entry: Unanswered): void {
    this.set(entry._id, entry);
    this._bytes += entry._bytes + ENTRY_BYTES;
  }

  _take({ _id: id, _bytes: bytes }: Unanswered): void {
    if (this.delete(id)) this._bytes -= bytes + ENTRY_BYTES;
  }
}

export interface OutboxOptions {
  /** How many may wait. */
  readonly queueLimit: number;
  /** Bytes of all that may wait; and of those without an answer, beyond which the next wait. */
  readonly queueLimitBytes: number;
  /** How long a sent op may stay without an answer; for a publish, over all connections. */
  readonly confirmMs: number;
}

export interface Outbox {
  /** How many wait for a connection or their turn. */
  _waiting(): number;
  /** Sends an op, or queues it: publishes wait their turn, and every op waits while there is no connection. @param
   *  text the op as JSON */
  _ask(text: string, resolve: Unanswered['_resolve'], reject: Unanswered['_reject'], isPublish?: boolean): void;
  /** A connection is open, with the relay's limits; a relay that states none does not recognise repeats. Calls
   *  `join` for the topics, then sends what waits, repeats first. */
  _open(limits: Limits | undefined, join: () => void): void;
  /** Hands an answer to the caller that waits for it. False if nobody waits for it, or if the op is no answer. */
  _answer(op: ServerOp): boolean;
  /** A replay brought a publish back. True if it is one of this client's and its promise has resolved, or resolves
   *  now; false if it was rejected as unconfirmed, so that the message itself shows that it was published. */
  _recognise(pid: string, seq: number | undefined): boolean;
  /** The connection ended. Publishes that were sent are repeated on the next one, unless `end` says that there is
   *  none. */
  _disconnected(end?: FanwireError): void;
}

export function createOutbox(
  { queueLimit, queueLimitBytes, confirmMs }: OutboxOptions,
  send: (text: string) => void,
): Outbox {
  /** Prefix of this client's publish ids. */
  const name = `${Math.random()}${Math.random()}.`;
  const sent = new Held();
  /** Publishes that were rejected as unconfirmed. A replay delivers them as messages, which shows that they were
   *  published. */
  const unsure = new Set<number>();
  const queue = new Held();
  let isOpen = false;
  let limits: Partial<Limits> | undefined;
  let end: FanwireError | undefined;
  let nextId = 1;
  /** When the bucket is empty (the relay's bucket expressed in time: GCRA, ITU-T I.371); it is full a burst later. */
  let emptyAtMs = 0;
  const alarm = createAlarm();

  function settle(entry: Unanswered, error: FanwireError | undefined, answer?: OkOp): void {
    clearTimeout(entry._timer);
    if (error?.code.endsWith('UNCONFIRMED')) unsure.add(entry._id);
    if (unsure.size > MAX_UNSURE) unsure.clear();
    sent._take(entry);
    queue._take(entry);
    if (error) entry._reject(error);
    else entry._resolve(answer as OkOp);
  }

  /** Keeps the order of the calls: an op that is sent again goes before all later ones. */
  function sortQueue(): void {
    for (const [id, entry] of [...queue].sort(([a], [b]) => a - b)) {
      queue.delete(id);
      queue.set(id, entry);
    }
  }

  /** Sends what may be sent now, and sets a timer for the rest. */
  function pump(): void {
    alarm();
    const { publishesPerS = 1e9, publishBytesPerS = 1e9, maxPayload = 1e9 } = limits ?? {};
    for (const entry of queue.values()) {
      if (!isOpen || sent._bytes > queueLimitBytes) return;
      const { _bytes: bytes } = entry;
      const costMs = bounded(COST_MS * Math.max(1 / publishesPerS, bytes / publishBytesPerS));
      const waitMs = emptyAtMs + Math.min(BURST_MS, costMs) - now();
      if (waitMs > 0) {
        alarm(pump, bounded(waitMs, 1));
        return;
      }
      emptyAtMs = costMs + Math.max(emptyAtMs, now() - BURST_MS);
      queue._take(entry);
      if (bytes > maxPayload) settle(entry, fault('TOO_BIG', `${bytes} of ${maxPayload} bytes`));
      else say(entry);
    }
  }

  function say(entry: Unanswered): void {
    const { _id: id, _isPublish: isPublish, _isRepeat: isRepeat } = entry;
    entry._saidAtMs ??= Date.now();
    const ids = {
      pid: isPublish ? name + id : undefined,
      repeat: isRepeat && bounded(Date.now() - entry._saidAtMs),
      id,
    };
    entry._timer ??= setTimeout(() => {
      settle(entry, unconfirmed());
      pump();
    }, confirmMs);
    sent._put(entry);
    send(`${entry._text},${JSON.stringify(ids).slice(1)}`);
  }

  function answer(op: ServerOp): boolean {
    const { id, retryAfterMs } = op as ErrorOp & { id: number };
    const entry = sent.get(id);
    if (!entry) return false;
    if (op.op === 'ok') settle(entry, undefined, op);
    else if (entry._isPublish && retryAfterMs !== undefined) {
      // It was not published, and the refusal is temporary: send it again.
      sent._take(entry);
      queue._put(entry);
      sortQueue();
      emptyAtMs = now() + bounded(retryAfterMs, 1);
    } else settle(entry, refusedBy(op as ErrorOp));
    pump();
    return true;
  }

  return {
    _waiting: () => queue.size,
    _ask(text, resolve, reject, isPublish) {
      const entry: Unanswered = {
        _resolve: resolve,
        _reject: reject,
        _id: nextId++,
        _text: text.slice(0, -1),
        _bytes: bytesOf(text),
        _isPublish: isPublish,
      };
      if (end) reject(fault('CLOSED', end.message));
      else if (isOpen && !isPublish) say(entry);
      else if (queue.size < queueLimit && queue._bytes + entry._bytes <= queueLimitBytes) queue._put(entry);
      else reject(fault('QUEUE_FULL', 'no room'));
      pump();
    },
    _open(told, join) {
      isOpen = true;
      limits = told;
      emptyAtMs = 0;
      join();
      pump();
    },
    _answer: answer,
    _recognise(pid, seq) {
      const id = +(pid.split(name)[1] as string);
      return id > 0 && !unsure.delete(id) && (answer({ op: 'ok', id, seq } as OkOp) || true);
    },
    _disconnected(error) {
      end = error;
      isOpen = false;
      alarm();
      for (const entry of sent.values()) {
        if (entry._isPublish && limits && !end) {
          entry._isRepeat = true;
          sent._take(entry);
          queue._put(entry);
        } else settle(entry, unconfirmed());
      }
      sortQueue();
      if (end) for (const entry of queue.values()) settle(entry, entry._isRepeat ? unconfirmed() : end);
    },
  };
}

const unconfirmed = (): FanwireError => fault('UNCONFIRMED', 'no answer');

/** UTF-8 bytes of a frame with its ids, or more. encodeURI fails on lone surrogates, but JSON text has none. */
const bytesOf = (text: string): number => encodeURI(text).replace(/%../g, '.').length + 150;

export function refusedBy({ code, message, retryAfterMs }: ErrorOp): RefusalError {
  return Object.assign(new FanwireError(`${code}` as ErrorCode, message), { retryAfterMs });
}

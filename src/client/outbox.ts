// Ops on their way: each waits for a connection, for its turn or for its answer, and every promise comes to an end.
// They go out in order and no faster than the relay's limits allow.
import { FanwireError } from '../base/error.js';
import type { ErrorCode } from '../base/error-codes.js';
import type { Limits, RetryAdvice, ServerOp } from '../protocol/ops.js';
import { fault } from './fault.js';
import { bounded, createAlarm, now } from './times.js';

export type OkOp = Extract<ServerOp, { op: 'ok' }>;
export type ErrorOp = Extract<ServerOp, { op: 'error' }>;

/** A refusal says whether it passes, where the relay said so. */
export type RefusalError = FanwireError & RetryAdvice;

interface Unanswered {
  /** Told of the answer before the next frame is read: `ws` reads several in one go, and a promise would come too
   *  late. */
  readonly _resolve: (answer: OkOp) => void;
  readonly _reject: (error: RefusalError) => void;
  readonly _id: number;
  /** The frame without its last brace. */
  readonly _text: string;
  readonly _isPublish: boolean;
  /** Unix time in ms at which it was first said, by the clock that goes on while the machine sleeps. */
  _saidAtMs?: number;
  /** Ends the wait for an answer, over all connections. */
  _timer?: ReturnType<typeof setTimeout>;
  /** Said on an earlier connection, and not answered. */
  _isRepeat?: boolean;
}

/** The relay's buckets hold a second's worth, of which a client uses half at once: a relay that was held up reads in
 *  one go what was sent in the meantime, and its bucket begins, full, with the first of it. */
const BURST_MS = 500;
/** What an op costs of a limit of one a second: a little more than a second, since the relay's clock is another. */
const COST_MS = 1050;

export interface OutboxOptions {
  /** How many may wait. */
  readonly queueLimit: number;
  /** How long an op that was said may remain without an answer; a publish over all connections. */
  readonly confirmMs: number;
  _send(text: string): void;
}

export interface Outbox {
  /** How many wait for a connection or their turn. */
  _waiting(): number;
  /** Publishes wait their turn, and so does all that is asked without a connection. @param text the op as JSON */
  _ask(text: string, resolve: Unanswered['_resolve'], reject: Unanswered['_reject'], isPublish?: boolean): void;
  /** A connection is there, with the relay's limits; one that does not say them knows no repeats. Topics are joined,
   *  and what waits goes out after that, repeats first. */
  _open(limits: Limits | undefined, join: () => void): void;
  /** Hands an answer to whoever asked. False where nobody did, or it is none. */
  _answer(op: ServerOp): boolean;
  /** A replay brought a publish back. True where it is one of this client's, and told of already, or now. */
  _recognise(pid: string, seq: number | undefined): boolean;
  /** The connection ended. Publishes that were said are repeated on the next one, unless this is the `end`. */
  _disconnected(end?: FanwireError): void;
}

export function createOutbox({ queueLimit, confirmMs, _send }: OutboxOptions): Outbox {
  /** Begins this client's publish ids. */
  const name = `${Math.random()}${Math.random()}.`;
  const sent = new Map<number, Unanswered>();
  /** Rejected as unconfirmed: a replay tells. */
  const unsure = new Set<number>();
  let queue = new Map<number, Unanswered>();
  let isOpen = false;
  let limits: Partial<Limits> | undefined;
  let end: FanwireError | undefined;
  let nextId = 1;
  /** A bucket like the relay's, in time (GCRA, ITU-T I.371): empty when this is now, full a burst later. */
  let emptyAtMs = 0;
  const alarm = createAlarm();

  function settle(entry: Unanswered, error: FanwireError | undefined, answer?: OkOp): void {
    clearTimeout(entry._timer);
    if (error?.code.endsWith('UNCONFIRMED')) unsure.add(entry._id);
    sent.delete(entry._id);
    queue.delete(entry._id);
    if (error) entry._reject(error);
    else entry._resolve(answer as OkOp);
  }

  /** What goes out again goes before all that came after it. */
  function sortQueue(): void {
    queue = new Map([...queue].sort(([a], [b]) => a - b));
  }

  /** Sends what may be sent now, and the rest in time. */
  function pump(): void {
    alarm();
    const { publishesPerS = 1e9, publishBytesPerS = 1e9, maxPayload = 1e9 } = limits ?? {};
    for (const [id, entry] of queue) {
      if (!isOpen) return;
      const bytes = bytesOf(entry._text);
      const costMs = COST_MS * Math.max(1 / publishesPerS, bytes / publishBytesPerS);
      const waitMs = emptyAtMs + Math.min(BURST_MS, costMs) - now();
      if (waitMs > 0) {
        alarm(pump, bounded(waitMs, 1));
        return;
      }
      emptyAtMs = costMs + Math.max(emptyAtMs, now() - BURST_MS);
      queue.delete(id);
      if (bytes > maxPayload) settle(entry, fault('TOO_BIG', `${bytes} of ${maxPayload} bytes`));
      else say(entry);
    }
  }

  function say(entry: Unanswered): void {
    const { _id: id, _isPublish: isPublish, _isRepeat: isRepeat } = entry;
    entry._saidAtMs ??= Date.now();
    const ids = {
      pid: isPublish ? name + id : undefined,
      repeat: isRepeat ? bounded(Date.now() - entry._saidAtMs) : undefined,
      id,
    };
    entry._timer ??= setTimeout(() => settle(entry, unconfirmed()), confirmMs);
    sent.set(id, entry);
    _send(`${entry._text},${JSON.stringify(ids).slice(1)}`);
  }

  function answer(op: ServerOp): boolean {
    const { id, retryAfterMs } = op as ErrorOp & { id: number };
    const entry = sent.get(id);
    if (!entry) return false;
    if (op.op === 'ok') settle(entry, undefined, op);
    else if (entry._isPublish && retryAfterMs !== undefined) {
      // It was not published: it goes out again.
      sent.delete(id);
      queue.set(id, entry);
      sortQueue();
      emptyAtMs = now() + bounded(retryAfterMs, 1);
    } else settle(entry, refusedBy(op as ErrorOp));
    pump();
    return true;
  }

  return {
    _waiting: () => queue.size,
    _ask(text, resolve, reject, isPublish = false) {
      const entry: Unanswered = {
        _resolve: resolve,
        _reject: reject,
        _id: nextId++,
        _text: text.slice(0, -1),
        _isPublish: isPublish,
      };
      if (end) reject(fault('CLOSED', end.message));
      else if (isOpen && !isPublish) say(entry);
      else if (queue.size < queueLimit) queue.set(entry._id, entry);
      else reject(fault('QUEUE_FULL', `${queueLimit} ops wait`));
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
      const id = Number(pid.split(name)[1]);
      return id > 0 && !unsure.delete(id) && (answer({ op: 'ok', id, seq: seq ?? 0 }) || true);
    },
    _disconnected(error) {
      end = error;
      isOpen = false;
      alarm();
      for (const [id, entry] of sent) {
        if (entry._isPublish && limits && !end) queue.set(id, Object.assign(entry, { _isRepeat: true }));
        else settle(entry, unconfirmed());
      }
      sent.clear();
      sortQueue();
      if (end) for (const entry of queue.values()) settle(entry, entry._isRepeat ? unconfirmed() : end);
    },
  };
}

const unconfirmed = (): FanwireError => fault('UNCONFIRMED', 'no answer');

/** Bytes of a frame as UTF-8, with its ids, or more. JSON has no lone surrogates, which this could not encode. */
const bytesOf = (text: string): number => encodeURI(text).replace(/%../g, '.').length + 150;

export function refusedBy({ code, message, retryAfterMs }: ErrorOp): RefusalError {
  return Object.assign(new FanwireError(code as ErrorCode, message), { retryAfterMs });
}

// Ops on their way: each waits for a connection, for its turn or for its answer, and every promise comes to an end.
// They go out in order and no faster than the relay's limits allow.
import { FanwireError } from '../base/error.js';
import type { ErrorCode } from '../base/error-codes.js';
import type { Limits, RetryAdvice, ServerOp } from '../protocol/ops.js';
import { bounded, now } from './times.js';

export type Answer = Extract<ServerOp, { op: 'ok' }>;
export type Refusal = Extract<ServerOp, { op: 'error' }>;

/** A refusal says whether it passes, where the relay said so. */
export type Refused = FanwireError & RetryAdvice;

/** Told of the answer before the next frame is read: `ws` reads several in one go, and a promise would come too
 *  late. */
export interface Asker {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Refused) => void;
}

interface Entry extends Asker {
  readonly id: number;
  /** The frame without its last brace. */
  readonly text: string;
  readonly isPublish: boolean;
  /** Unix time in ms at which it was first said, by the clock that goes on while the machine sleeps. */
  saidAtMs?: number;
  /** Ends the wait for an answer, over all connections. */
  timer?: ReturnType<typeof setTimeout>;
  /** Said on an earlier connection, and not answered. */
  isRepeat?: boolean;
}

/** Part of a limit that is used: the relay's clock is another. */
const SHARE = 0.95;

export interface OutboxOptions {
  /** How many may wait. */
  readonly queueLimit: number;
  /** How long an op that was said may remain without an answer; a publish over all connections. */
  readonly confirmMs: number;
  send(text: string): void;
}

export interface Outbox {
  /** How many wait for a connection or their turn. */
  waiting(): number;
  /** Publishes wait their turn, and so does all that is asked without a connection. @param text the op as JSON */
  ask(text: string, asker: Asker, isPublish?: boolean): void;
  /** A connection is there, with the relay's limits; one that does not say them knows no repeats. Topics are joined,
   *  and what waits goes out after that, repeats first. */
  open(limits: Limits | undefined, join: () => void): void;
  /** Hands an answer to whoever asked. False where nobody did. */
  answer(op: Answer | Refusal): boolean;
  /** A replay brought a publish back. True where it is one of this client's, and told of already, or now. */
  recognise(pid: string, seq: number | undefined): boolean;
  /** The connection ended. Publishes that were said are repeated on the next one, unless this is the `end`. */
  disconnected(end?: FanwireError): void;
}

export function createOutbox({ queueLimit, confirmMs, send }: OutboxOptions): Outbox {
  /** Begins this client's publish ids. */
  const name = `${Math.random()}${Math.random()}.`;
  const sent = new Map<unknown, Entry>();
  /** Rejected as unconfirmed: a replay tells. */
  const unsure = new Set<number>();
  let queue: Entry[] = [];
  let isOpen = false;
  let limits: Partial<Limits> | undefined;
  let end: FanwireError | undefined;
  let nextId = 1;
  /** A token bucket like the relay's, in time: full it holds a second of the limits. */
  let creditMs = 0;
  let creditAtMs = 0;
  let pumpTimer: ReturnType<typeof setTimeout> | undefined;

  function settle(entry: Entry, error: FanwireError | undefined, answer?: Answer): void {
    clearTimeout(entry.timer);
    if (error?.code.endsWith('UNCONFIRMED')) unsure.add(entry.id);
    sent.delete(entry.id);
    if (entry.isRepeat) queue = queue.filter((other) => other !== entry);
    if (error) entry.reject(error);
    else entry.resolve(answer as Answer);
  }

  function requeue(entries: Entry[]): void {
    queue = [...entries, ...queue].sort((a, b) => a.id - b.id);
  }

  /** Sends what may be sent now, and the rest in time. */
  function pump(): void {
    clearTimeout(pumpTimer);
    const { publishesPerS = 1e9, publishBytesPerS = 1e9, maxPayload = 1e9 } = limits ?? {};
    for (let [entry] = queue; entry && isOpen; [entry] = queue) {
      const bytes = bytesOf(entry.text);
      const costMs = 1000 * Math.max(1 / publishesPerS, bytes / publishBytesPerS);
      creditMs = Math.min(1000, creditMs + (now() - creditAtMs) * SHARE);
      creditAtMs = now();
      const lackMs = Math.min(1000, costMs) - creditMs;
      if (lackMs > 0) {
        pumpTimer = setTimeout(pump, bounded(lackMs / SHARE, 1));
        return;
      }
      creditMs -= costMs;
      queue.shift();
      if (bytes > maxPayload)
        settle(entry, new FanwireError('FANWIRE_CLIENT_TOO_BIG', `${bytes} of ${maxPayload} bytes`));
      else say(entry);
    }
  }

  function say(entry: Entry): void {
    const { id, text, isPublish, isRepeat } = entry;
    let ids = `,"id":${id}}`;
    if (isPublish) {
      entry.saidAtMs ??= Date.now();
      if (isRepeat) ids = `,"repeat":${bounded(Date.now() - entry.saidAtMs, 0)}${ids}`;
      ids = `,"pid":"${name}${id}"${ids}`;
    }
    entry.timer ??= setTimeout(() => settle(entry, unconfirmed()), confirmMs);
    sent.set(id, entry);
    send(text + ids);
  }

  function answer(op: Answer | Refusal): boolean {
    const entry = sent.get(op.id);
    if (!entry) return false;
    if (op.op === 'ok') settle(entry, undefined, op);
    else if (entry.isPublish && op.retryAfterMs !== undefined) {
      // It was not published: it goes out again, before all that came after it.
      sent.delete(op.id);
      requeue([entry]);
      creditMs = -bounded(op.retryAfterMs, 1);
    } else settle(entry, refusedBy(op));
    pump();
    return true;
  }

  return {
    waiting: () => queue.length,
    ask(text, { resolve, reject }, isPublish = false) {
      const entry = { resolve, reject, id: nextId++, text: text.slice(0, -1), isPublish };
      if (end) reject(new FanwireError('FANWIRE_CLIENT_CLOSED', end.message));
      else if (isOpen && !isPublish) say(entry);
      else if (queue.length < queueLimit) queue.push(entry);
      else reject(new FanwireError('FANWIRE_CLIENT_QUEUE_FULL', `${queueLimit} ops wait`));
      pump();
    },
    open(told, join) {
      isOpen = true;
      limits = told;
      creditMs = 1000;
      join();
      pump();
    },
    answer,
    recognise(pid, seq) {
      const id = Number(pid.split(name)[1]);
      return id > 0 && !unsure.delete(id) && (answer({ op: 'ok', id, seq: seq ?? 0 }) || true);
    },
    disconnected(error) {
      end = error;
      isOpen = false;
      clearTimeout(pumpTimer);
      const repeated: Entry[] = [];
      for (const entry of [...sent.values()]) {
        if (entry.isPublish && limits && !end) repeated.push(Object.assign(entry, { isRepeat: true }));
        else settle(entry, unconfirmed());
      }
      sent.clear();
      requeue(repeated);
      if (end) for (const entry of [...queue]) settle(entry, entry.isRepeat ? unconfirmed() : end);
    },
  };
}

const unconfirmed = (): FanwireError => new FanwireError('FANWIRE_CLIENT_UNCONFIRMED', 'the relay did not answer');

/** Bytes of a frame as UTF-8, with its ids, or more. JSON has no lone surrogates, which this could not encode. */
const bytesOf = (text: string): number => encodeURI(text).replace(/%../g, '.').length + 150;

export function refusedBy({ code, message, retryAfterMs }: Refusal): Refused {
  return Object.assign(new FanwireError(code as ErrorCode, message), { retryAfterMs });
}

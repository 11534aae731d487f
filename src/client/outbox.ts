// Ops on their way: each waits for a connection or for its answer, and every promise comes to an end.
import { errorFrom, FanwireError } from '../base/error.js';
import type { ServerOp } from '../protocol/ops.js';

export type Answer = Extract<ServerOp, { op: 'ok' }>;

/** Told of the answer before the next frame is read: `ws` reads several in one go, and a promise would come too late. */
export interface Asker {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: FanwireError) => void;
}

interface Pending extends Asker {
  /** The frame, until it is sent. */
  unsent: string | undefined;
}

export class Outbox {
  /** How many wait for a connection. */
  waiting = 0;
  private nextId = 1;
  private readonly pending = new Map<number, Pending>();

  /** @param limit frames that may wait for a connection */
  constructor(private readonly limit: number) {}

  /** Sends `op` over `send`, or keeps it until flush() where there is no connection. */
  ask(op: object, send: ((text: string) => void) | undefined, { resolve, reject }: Asker): void {
    if (!send && this.waiting >= this.limit) {
      const message = `${this.waiting} ops already wait for a connection`;
      reject(new FanwireError('FANWIRE_CLIENT_QUEUE_FULL', message));
      return;
    }
    const id = this.nextId++;
    const text = JSON.stringify({ ...op, id });
    this.pending.set(id, { resolve, reject, unsent: send ? undefined : text });
    if (send) send(text);
    else this.waiting++;
  }

  /** Sends all that waited, in order. */
  flush(send: (text: string) => void): void {
    this.waiting = 0;
    for (const pending of this.pending.values()) {
      if (pending.unsent === undefined) continue;
      send(pending.unsent);
      pending.unsent = undefined;
    }
  }

  /** Hands an answer to whoever asked. False where nobody did. */
  answer(op: Answer | Extract<ServerOp, { op: 'error' }>): boolean {
    const pending = this.pending.get(op.id as number);
    this.pending.delete(op.id as number);
    if (op.op === 'ok') pending?.resolve(op);
    else pending?.reject(errorFrom(op));
    return pending !== undefined;
  }

  /** The connection ended: what was sent has no answer any more; what waits goes on waiting. */
  disconnected(): void {
    const error = new FanwireError('FANWIRE_CLIENT_UNCONFIRMED', 'the connection ended before the relay answered');
    this.fail(error, ({ unsent }) => unsent === undefined);
  }

  /** There will be no connection any more. */
  closed(error: FanwireError): void {
    this.waiting = 0;
    this.fail(error, () => true);
  }

  private fail(error: FanwireError, which: (pending: Pending) => boolean): void {
    for (const [id, pending] of this.pending) {
      if (!which(pending)) continue;
      this.pending.delete(id);
      pending.reject(error);
    }
  }
}

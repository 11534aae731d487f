// Reads a request body into memory: up to a limit a request, and a limit over all requests together.
import { type Refusal, Refused } from '../../protocol/codes.js';
import type { HttpResponse } from '../../relay/uws.js';

/** Bytes of bodies held at once, over all requests. What a client announces takes nothing, only what it sends does. */
export class BodyBudget {
  private held = 0;

  constructor(private readonly maxBytes: number) {}

  /** Takes `bytes` if they fit. */
  take(bytes: number): boolean {
    if (this.held + bytes > this.maxBytes) return false;
    this.held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.held -= bytes;
  }
}

/** A body in memory. Its bytes count against the budget until `release`, which is called once, when it is dealt with. */
export interface HeldBody {
  readonly bytes: Buffer;
  release(): void;
}

/** A body this much over its limit is still read to its end, and thrown away: a client that is cut off while it sends sees a
 *  reset connection and not the refusal. Beyond, it is cut off. */
const OVERRUN_BYTES = 256 * 1024;

/** Why a body was not read: what to answer, and whether the rest of it is still coming. */
export interface BodyRefusal {
  readonly refusal: Refusal;
  readonly unread: boolean;
}

/**
 * Reads the body of a request within its handler; the promise settles when the body is whole or refused, and never when
 * the client leaves first: then what was held is given back, `left` is called, and `aborted()` says so.
 */
export function readBody(
  res: HttpResponse,
  maxBytes: number,
  budget: BodyBudget,
  left: () => void,
): { readonly body: Promise<HeldBody | BodyRefusal>; readonly aborted: () => boolean } {
  let aborted = false;
  let settled = false;
  let received = 0;
  let held = 0;
  let refusal: Refusal | undefined;
  const chunks: Buffer[] = [];
  const release = (): void => {
    budget.give(held);
    held = 0;
    chunks.length = 0;
  };
  const body = new Promise<HeldBody | BodyRefusal>((resolve) => {
    const settle = (outcome: HeldBody | BodyRefusal): void => {
      settled = true;
      resolve(outcome);
    };
    res.onAborted(() => {
      aborted = true;
      left();
      // Once whole, the body belongs to whoever publishes it, and that one releases it.
      if (!settled) release();
    });
    res.onData((chunk, isLast) => {
      if (settled) return;
      received += chunk.byteLength;
      refusal ??= refusalFor(received, maxBytes, budget, chunk.byteLength);
      if (refusal === undefined) {
        held += chunk.byteLength;
        // uWS takes the memory back when this returns.
        chunks.push(Buffer.from(new Uint8Array(chunk)));
        if (isLast) settle({ bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), release });
        return;
      }
      release();
      if (isLast || received > maxBytes + OVERRUN_BYTES) settle({ refusal, unread: !isLast });
    });
  });
  return { body, aborted: () => aborted };
}

function refusalFor(received: number, maxBytes: number, budget: BodyBudget, chunkBytes: number): Refusal | undefined {
  if (received > maxBytes) {
    const message = `the body is larger than ${maxBytes} bytes`;
    return { status: 413, code: 'FANWIRE_PAYLOAD_TOO_LARGE', message };
  }
  return budget.take(chunkBytes) ? undefined : Refused.publishBusy;
}

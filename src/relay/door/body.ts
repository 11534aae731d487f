// Reads a request body into memory, up to a limit for the request, and a limit over all requests together.
import { type Refusal, Refused } from '../../protocol/codes.js';
import type { HttpResponse } from '../uws.js';
import type { ResponseLife } from './response-life.js';

/** Bytes of bodies held at once, over all requests. Only bytes that were received count, not those announced. */
export class BodyBudget {
  private held = 0;

  constructor(private readonly maxBytes: number) {}

  /** Reserves `bytes` if they fit. */
  take(bytes: number): boolean {
    if (this.held + bytes > this.maxBytes) return false;
    this.held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.held -= bytes;
  }
}

/** A body in memory. Its bytes count against the budget until `release`, which must be called once, when it has been
 *  handled. */
export interface HeldBody {
  readonly bytes: Buffer;
  release(): void;
}

/** A body that is over its limit by this much is still read to the end and discarded: a client that is cut off while
 *  it sends sees a reset connection instead of the refusal. A larger one is cut off. */
const OVERRUN_BYTES = 256 * 1024;

/** How long a body may take. By itself uWS cuts a client that has no answer yet and sends less than 160 kB in about
 *  10 s. */
const BODY_MS = 30_000;
/** How often uWS's timeout is restarted meanwhile; it counts in steps of 4 s. */
const KEEP_MS = 4000;

const TOO_SLOW: Refusal = {
  ...Refused.bodySlow,
  message: `the body did not arrive within ${BODY_MS / 1000} s`,
};

/** Why a body was not read: what to answer, and whether the rest of it is still coming. */
export interface BodyRefusal {
  readonly refusal: Refusal;
  readonly unread: boolean;
}

/** What of a request decides how its body is read. */
export interface BodyRequest {
  readonly res: HttpResponse;
  readonly life: ResponseLife;
  readonly isChunked: boolean;
}

/** Reads the body of a request within its handler. The promise settles when the body is complete or refused, and
 *  never if the client leaves first (the memory held is then released). */
export function readBody(
  { res, life, isChunked }: BodyRequest,
  maxBytes: number,
  budget: BodyBudget,
): Promise<HeldBody | BodyRefusal> {
  let isSettled = false;
  let received = 0;
  let held = 0;
  let refusal: Refusal | undefined;
  const chunks: Buffer[] = [];
  const startedAt = performance.now();
  const release = (): void => {
    budget.give(held);
    held = 0;
    chunks.length = 0;
  };
  return new Promise((resolve) => {
    const keeping = setInterval(() => {
      if (performance.now() - startedAt < BODY_MS) {
        res.pause();
        res.resume();
        return;
      }
      release();
      settle({ refusal: TOO_SLOW, unread: true });
    }, KEEP_MS).unref();
    const settle = (outcome: HeldBody | BodyRefusal): void => {
      isSettled = true;
      clearInterval(keeping);
      resolve(outcome);
    };
    life.onEnd(() => {
      clearInterval(keeping);
      // Once settled, the body belongs to whoever publishes it, who must release it.
      if (!isSettled) release();
    });
    const whole = (): void => {
      if (life.isOver) return;
      settle({ bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), release });
    };
    res.onData((chunk, isLast) => {
      if (isSettled) return;
      received += chunk.byteLength;
      refusal ??= refusalFor(received, maxBytes, budget, chunk.byteLength);
      if (refusal === undefined) {
        held += chunk.byteLength;
        // uWS reuses the memory when this returns.
        chunks.push(Buffer.from(new Uint8Array(chunk)));
        // uWS does not support trailers: it answers 505 to one and aborts, right after it reported a chunked body as
        // complete.
        if (isLast && isChunked) setImmediate(whole);
        else if (isLast) whole();
        return;
      }
      release();
      if (isLast || received > maxBytes + OVERRUN_BYTES) settle({ refusal, unread: !isLast });
    });
  });
}

function refusalFor(received: number, maxBytes: number, budget: BodyBudget, chunkBytes: number): Refusal | undefined {
  if (received > maxBytes) {
    const message = `the body is larger than ${maxBytes} bytes`;
    return { ...Refused.payloadTooLarge, message };
  }
  return budget.take(chunkBytes) ? undefined : Refused.publishBusy;
}

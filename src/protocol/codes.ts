// Every close code, HTTP refusal and stable error code of fanwire, each with its reason, in one place.

/** WebSocket close codes that the relay sends. 1xxx are RFC 6455's, 4xxx are ours. */
export const Close = {
  goingAway: 1001,
  policy: 1008,
  tooBig: 1009,
  restart: 1012,
  slowConsumer: 1013,
  unauthenticated: 4401,
  forbiddenTopic: 4403,
  tooManyConnections: 4429,
} as const;

/** A refusal of a request or an upgrade: what HTTP answers, and the stable code a program can test. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 405 | 413 | 426 | 429 | 503;
  readonly code: string;
  readonly message: string;
  /** Seconds until a retry makes sense; set with 429 and 503. */
  readonly retryAfterS?: number;
}

/** An error a person caused and can mend: one line that names the thing, the value and the mend. `code` is stable. */
export class FanwireError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'FanwireError';
    this.code = code;
  }
}

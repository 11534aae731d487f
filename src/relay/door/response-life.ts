// Tracks how long a response may be used: uWS forbids it once its client has left, or it has been answered.
import type { HttpResponse } from '../uws.js';

export class ResponseLife {
  isOver = false;
  private readonly told: (() => void)[] = [];

  /** Create it within the request's handler: it sets the abort handler that uWS requires of every response that is
   *  not answered there. */
  constructor(res: HttpResponse) {
    res.onAborted(this.end);
  }

  /** Calls `tell` once, when the response ends. */
  onEnd(tell: () => void): void {
    this.told.push(tell);
  }

  readonly end = (): void => {
    if (this.isOver) return;
    this.isOver = true;
    for (const tell of this.told) tell();
  };
}

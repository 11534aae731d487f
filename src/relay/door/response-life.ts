// How long a response may be touched: uWS forbids it from the moment its client has left, or it has been answered.
import type { HttpResponse } from '../uws.js';

export class ResponseLife {
  isOver = false;
  private readonly told: (() => void)[] = [];

  /** Within the request's handler. This is the abort handler that uWS asks of every response that is not answered
   *  there. */
  constructor(res: HttpResponse) {
    res.onAborted(this.end);
  }

  /** Tells `tell` of the end, once. */
  onEnd(tell: () => void): void {
    this.told.push(tell);
  }

  readonly end = (): void => {
    if (this.isOver) return;
    this.isOver = true;
    for (const tell of this.told) tell();
  };
}

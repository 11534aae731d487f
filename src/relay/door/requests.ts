// Counts the HTTP requests that are being answered: while there are any, a relay that ends does not cut its HTTP
// connections. What they and their connections make the relay do is counted too.
export class RequestCount {
  /** Requests, and connections that came and went, in events of the search for floods. */
  work = 0;
  private count = 0;

  get underWay(): number {
    return this.count;
  }

  /** Returns the function that ends the request: call it when it is answered, or its client has left. Further calls
   *  do nothing. */
  begin(): () => void {
    this.count++;
    let ended = false;
    return () => {
      if (!ended) this.count--;
      ended = true;
    };
  }
}

// Counts the HTTP requests that are being answered: while there are any, a relay that ends does not cut its HTTP
// connections. All that came are counted too, as work that the relay did.
export class RequestCount {
  /** All that came. */
  begun = 0;
  private count = 0;

  get underWay(): number {
    return this.count;
  }

  /** Returns the function that ends the request: call it when it is answered, or its client has left. Further calls
   *  do nothing. */
  begin(): () => void {
    this.begun++;
    this.count++;
    let ended = false;
    return () => {
      if (!ended) this.count--;
      ended = true;
    };
  }
}

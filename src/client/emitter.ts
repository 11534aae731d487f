// Typed events without a dependency: `on` returns the function that removes the listener. Listeners are user code, so
// each call is isolated: one that throws, or whose promise rejects, does not stop the others.

type Listener = (value: unknown, emitter: unknown) => unknown;

export abstract class Emitter<Events extends object> {
  abstract readonly state: string;
  readonly #listeners = new Map<unknown, Set<Listener>>();

  /** The listener gets the value and the emitter. What it throws is shown on the console, and reported as the
   *  client's `error`. */
  on<Name extends keyof Events>(event: Name, listener: (value: Events[Name], emitter: this) => unknown): () => void {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set.add(listener as Listener));
    return () => set.delete(listener as Listener);
  }

  /** Call it last: listeners may do anything, so the state they see must be final. */
  protected _emit<Name extends keyof Events>(event: Name, value: Events[Name]): void {
    const failed = (thrown: unknown): void => {
      console.error(thrown);
      if (event !== 'error') this._report(thrown);
    };
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      // A listener before it changed the state, and all have heard of that.
      if (event === 'state' && value !== this.state) return;
      try {
        // An async function may fail later; awaiting it would delay the other listeners.
        (listener(value, this) as Partial<PromiseLike<unknown>> | undefined)?.then?.(undefined, failed);
      } catch (thrown) {
        failed(thrown);
      }
    }
  }

  /** Told what a listener threw. */
  protected abstract _report(thrown: unknown): void;
}

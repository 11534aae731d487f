// Typed events without a dependency: `on` gives back the function that takes the listener off. Listeners are somebody
// else's code: each call is isolated, so that one that throws, or whose promise rejects, stops nobody else.

type Listener = (value: unknown, emitter: unknown) => unknown;

export abstract class Emitter<Events extends object> {
  readonly #listeners = new Map<unknown, Set<Listener>>();

  /** The listener gets the value, and who says it. What it throws is shown on the console, and comes as the client's
   *  `error`. */
  on<Name extends keyof Events>(event: Name, listener: (value: Events[Name], emitter: this) => unknown): () => void {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set.add(listener as Listener));
    return () => set.delete(listener as Listener);
  }

  /** Call it last: listeners may do anything, and what they see must be as it will stay. */
  protected _emit<Name extends keyof Events>(event: Name, value: Events[Name]): void {
    const failed = (thrown: unknown): void => {
      console.error(thrown);
      if (event !== 'error') this._report(thrown);
    };
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        // An async function's failure counts too; awaited it would delay the others.
        (listener(value, this) as Partial<PromiseLike<unknown>> | undefined)?.then?.(undefined, failed);
      } catch (thrown) {
        failed(thrown);
      }
    }
  }

  /** Told what a listener threw. */
  protected abstract _report(thrown: unknown): void;
}

// Typed events without a dependency: `on` gives back the function that takes the listener off.

export class Emitter<Events extends object> {
  private readonly listeners = new Map<keyof Events, Set<(value: never) => void>>();

  on<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): () => void {
    const set = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, set.add(listener));
    return () => set.delete(listener);
  }

  protected emit<Name extends keyof Events>(event: Name, value: Events[Name]): void {
    for (const listener of this.listeners.get(event) ?? []) (listener as (value: Events[Name]) => void)(value);
  }
}

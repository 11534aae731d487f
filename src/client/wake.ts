// The moments at which a lost connection may work again, and one that seems alive may be dead: the network changed, or
// a page was shown, unfrozen or brought back from the browser's cache. Some runtimes have no such events.

const EVENTS = 'online offline pageshow visibilitychange resume'.split(' ');

interface Scope {
  addEventListener?(type: string, listener: () => void, options: { capture: true; signal: AbortSignal }): void;
  readonly navigator?: { readonly onLine?: boolean };
}

const scope = globalThis as Scope;

/** Calls `act` at each of these moments, until `signal` ends it. */
export function onWake(act: () => void, signal: AbortSignal): void {
  // In the capture phase the window also receives the document's events.
  for (const type of EVENTS) scope.addEventListener?.(type, act, { capture: true, signal });
}

/** Whether the browser reports that there is no network. */
export function isOffline(): boolean {
  return scope.navigator?.onLine === false;
}

// The moments at which a lost connection may work again, and one that seems alive may be dead: the network changed, or
// a page was shown, unfrozen or brought back from the browser's cache. Some runtimes have no such events.

export const WAKE_EVENTS = 'online offline pageshow visibilitychange resume'.split(' ');

interface Scope {
  addEventListener?(type: string, listener: () => void, options: { capture: true; signal: AbortSignal }): void;
  readonly WebSocket?: unknown;
  readonly navigator?: { readonly onLine?: boolean };
}

export const scope = globalThis as Scope;

/** Whether the browser reports that there is no network. */
export function isOffline(): boolean {
  return scope.navigator?.onLine === false;
}

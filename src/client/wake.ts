// The moments at which a connection that seemed lost may be had again, and one that seemed alive may be dead: the
// network changed, a page was shown, unfrozen or brought back from the browser's cache. Runtimes without such events
// have none.

const EVENTS = 'online offline pageshow visibilitychange resume'.split(' ');

interface Scope {
  addEventListener?(type: string, listener: () => void, options: { capture: true; signal: AbortSignal }): void;
  readonly navigator?: { readonly onLine?: boolean };
}

const scope = globalThis as Scope;

/** Calls `act` at each of them, until `signal` ends it. */
export function onWake(act: () => void, signal: AbortSignal): void {
  // In the capture phase the window hears the document's events too.
  for (const type of EVENTS) scope.addEventListener?.(type, act, { capture: true, signal });
}

/** Whether the browser knows that there is no network. */
export function isOffline(): boolean {
  return scope.navigator?.onLine === false;
}

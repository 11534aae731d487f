// SIGINT and SIGTERM: the first ends a command in order, a second one at once.

/** A signal that comes again within this time is the same one: a terminal sends Ctrl+C to every process of its group,
 *  and npm, npx and some shells pass theirs on as well. */
const SAME_SIGNAL_MS = 500;

export type EndSignal = 'SIGTERM' | 'SIGINT';

let held: EndSignal | undefined;
const hold = (signal: EndSignal): void => {
  held ??= signal;
};

/** Keeps a signal that comes early until `onEndSignal` is called. Otherwise it would end the process; in process 1 of a
 *  container it would be lost, since the kernel sends that only signals it listens to. */
export function holdEndSignals(): void {
  process.on('SIGTERM', hold).on('SIGINT', hold);
}

/** Calls `first` for the first of these signals, and `again` for each later one; by default that one does what it
 *  does to a program that does not listen. */
export function onEndSignal(
  first: (signal: EndSignal) => void,
  again: (signal: EndSignal) => void = (signal) => process.kill(process.pid, signal),
): void {
  let earlier: { readonly signal: EndSignal; readonly atMs: number } | undefined;
  const onSignal = (signal: EndSignal): void => {
    if (earlier === undefined) {
      earlier = { signal, atMs: performance.now() };
      first(signal);
      return;
    }
    if (signal === earlier.signal && performance.now() - earlier.atMs < SAME_SIGNAL_MS) return;
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
    again(signal);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  process.off('SIGTERM', hold).off('SIGINT', hold);
  if (held !== undefined) onSignal(held);
}

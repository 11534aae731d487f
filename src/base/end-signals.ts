// SIGINT, SIGTERM and SIGHUP (the terminal was closed): the first ends a command in order, a second one at once.

import { Exit } from './exit-codes.js';

/** A signal that comes again within this time is the same one: a terminal sends Ctrl+C to every process of its group,
 *  and npm, npx and some shells pass theirs on as well. */
const SAME_SIGNAL_MS = 500;

export type EndSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

const ALL: readonly EndSignal[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

let held: EndSignal | undefined;
const hold = (signal: EndSignal): void => {
  held ??= signal;
};

/** Keeps a signal that comes early until `onEndSignal` is called. Otherwise it would end the process; in process 1 of a
 *  container it would be lost, since the kernel sends that only signals it listens to. */
export function holdEndSignals(): void {
  process.on('SIGTERM', hold).on('SIGINT', hold);
}

/** Calls `first` for the first of `signals`, and `again` for the second; by default that one exits, and with the
 *  process ends what it has started. */
export function onEndSignal(
  first: (signal: EndSignal) => void,
  again: (signal: EndSignal) => void = () => process.exit(Exit.interrupted),
  signals = ALL,
): void {
  let earlier: { readonly signal: EndSignal; readonly atMs: number } | undefined;
  const onSignal = (signal: EndSignal): void => {
    if (earlier === undefined) {
      earlier = { signal, atMs: performance.now() };
      first(signal);
      return;
    }
    if (signal === earlier.signal && performance.now() - earlier.atMs < SAME_SIGNAL_MS) return;
    for (const one of signals) process.off(one, onSignal);
    again(signal);
  };
  for (const one of signals) process.on(one, onSignal);
  process.off('SIGTERM', hold).off('SIGINT', hold);
  if (held !== undefined) onSignal(held);
}

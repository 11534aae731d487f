// What signals do to `fanwire serve`: drain, end at once, or read files again.
import { isatty } from 'node:tty';
import { type EndSignal, onEndSignal } from '../base/end-signals.js';
import type { Logger } from '../base/log.js';
import type { Running } from './running.js';

/** How long a client that has been told to go may take to close its side. */
const LINGER_MS = 3000;

/** The first signal drains, a second one ends the process at once with 128 + its number, as a shell would report it. A
 *  signal that comes while the relay starts takes effect once it has. SIGHUP reads tokens and keys again; where it
 *  comes since the terminal has gone, it ends the relay as SIGTERM does.
 *  @param drainMs over which to spread the closes; --drain-ms where undefined
 *  @param reloaded called after SIGHUP was obeyed */
export function obeySignals(
  starting: Promise<Running>,
  log: Logger,
  drainMs?: (signal: EndSignal) => number,
  reloaded?: () => void,
): void {
  const hadTerminal = isatty(1);
  let relay: Running | undefined;

  async function drain(signal: EndSignal): Promise<void> {
    log.info({ signal }, 'draining; a second signal exits at once');
    relay = await starting;
    await relay.drain(drainMs?.(signal));
    // Every client has been told. The process ends when the last one has closed its side: ending before would cut off,
    // with a reset, what is still on its way to a client that is sending itself.
    process.once('exit', () => log.info('drained, bye'));
    process.exitCode = 0;
    setTimeout(async () => {
      log.warn({ afterMs: LINGER_MS }, 'some clients did not close their side in time: cut');
      await relay?.close();
      process.exit(0);
    }, LINGER_MS).unref();
  }

  async function exitNow(signal: EndSignal): Promise<void> {
    log.warn({ signal }, 'second signal: exiting at once');
    // While workers start, the signal does what it does to a program that does not listen. An exit would have Node tear
    // them down, and where one has just begun to listen, abort (2 of 50 exits while 4 started, exit code 134). Process
    // 1 of a container is spared.
    if (relay === undefined) process.kill(process.pid, signal);
    await relay?.close();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  }

  onEndSignal(
    (signal) => void drain(signal),
    (signal) => void exitNow(signal),
    ['SIGTERM', 'SIGINT'],
  );
  process.on('SIGHUP', async () => {
    // A window that was closed leaves nobody who could stop this relay, or see that it has the port.
    if (hadTerminal && !isatty(1)) process.kill(process.pid, 'SIGTERM');
    else {
      await (await starting).reload();
      reloaded?.();
    }
  });
}

// `fanwire serve`: reads the configuration, runs the relay, and ends it in order.
import { Command } from 'commander';
import { createLogger, type Logger } from '../base/log.js';
import { openFilesError } from '../base/open-files.js';
import { version } from '../base/version.js';
import { declareFlags, givenFlags } from '../config/flags.js';
import { loadConfig, redacted } from '../config/load.js';
import type { RelayConfig } from '../config/schema.js';
import { FanwireError } from '../protocol/codes.js';
import { checkConfig } from './preflight.js';
import { type Running, start } from './start.js';

/** How long a client that has been told to go may take to close its side. */
const LINGER_MS = 3000;

/** The first signal drains, a second one ends the process at once with 128 + its number, as a shell would report it. A signal
 *  that comes while the relay starts takes effect once it has. */
export function endOnSignals(starting: Promise<Running>, log: Logger): void {
  let relay: Running | undefined;
  let draining = false;
  const onSignal = async (signal: 'SIGTERM' | 'SIGINT') => {
    if (draining) {
      log.warn({ signal }, 'second signal: exiting at once');
      if (relay === undefined) dieOf(signal, onSignal);
      await relay?.close();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    }
    draining = true;
    log.info({ signal }, 'draining; a second signal exits at once');
    relay = await starting;
    await relay.drain();
    // Every client has been told. The process ends when the last one has closed its side: ending before would cut off, with
    // a reset, what is still on its way to a client that is sending itself.
    process.once('exit', () => log.info('drained, bye'));
    process.exitCode = 0;
    setTimeout(async () => {
      log.warn({ afterMs: LINGER_MS }, 'some clients did not close their side in time: cut');
      await relay?.close();
      process.exit(0);
    }, LINGER_MS).unref();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** Has the signal do what it does to a program that does not listen to it. An exit would have Node tear down the workers, and where
 *  one has just begun to listen, abort (2 of 50 exits while 4 started, exit code 134). Returns only as process 1 of a container,
 *  which the kernel spares. */
function dieOf(signal: NodeJS.Signals, listener: (signal: 'SIGTERM' | 'SIGINT') => void): void {
  process.off(signal, listener);
  process.kill(process.pid, signal);
}

function endOnFatal(log: Logger, running: () => Running | undefined): void {
  const onFatal = async (error: unknown) => {
    log.fatal({ err: error }, 'uncaught error: the relay cannot go on');
    await running()?.close();
    process.exit(1);
  };
  process.on('uncaughtException', onFatal);
  process.on('unhandledRejection', onFatal);
}

async function serve(config: RelayConfig, origins: Record<string, string>): Promise<void> {
  await checkConfig(config);
  const log = createLogger(config);
  let running: Running | undefined;
  endOnFatal(log, () => running);
  const starting = start(config, log);
  endOnSignals(starting, log);
  process.on('SIGHUP', async () => (await starting).reload());
  // Last: who has read this line may send signals.
  const set = Object.keys(origins).filter((key) => origins[key] !== 'default');
  log.info({ version, node: process.version, config: redacted(config), set }, `fanwire ${version} starting`);
  running = await starting;
}

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('run the relay')
    .option('--print-config', 'print the effective configuration as JSON (a valid --config file) and exit');
  declareFlags(command);
  command.addHelpText(
    'after',
    `
Every option is also a variable (--max-payload: FANWIRE_MAX_PAYLOAD; --config: FANWIRE_CONFIG; an empty one counts as unset)
and a key of the --config file (see --print-config). A flag wins over a variable, a variable over the file.
Exit codes: 0 drained after SIGTERM or SIGINT, 1 could not start or failed, 2 bad flag, variable or file;
a second signal exits at once with 130 (SIGINT) or 143 (SIGTERM). SIGHUP reads tokens and keys again.`,
  );
  return command.action(async () => {
    const { config, origins } = loadConfig({
      flags: givenFlags(command),
      env: process.env,
      file: command.getOptionValue('config') as string | undefined,
    });
    if (command.getOptionValue('printConfig') === true) {
      process.stdout.write(`${JSON.stringify(redacted(config), null, 2)}\n`);
      return;
    }
    await serve(config, origins).catch((error: unknown) => {
      if (error instanceof FanwireError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw openFilesError(error) ?? new FanwireError('FANWIRE_START', `cannot start: ${reason}`);
    });
  });
}

// `fanwire serve`: reads the configuration, runs the relay, and ends it in order.
import cluster from 'node:cluster';
import { Command } from 'commander';
import { FanwireError } from '../base/error.js';
import { createLogger, hasColors, isForPeople, type Logger } from '../base/log.js';
import { openFilesError } from '../base/open-files.js';
import { version } from '../base/version.js';
import { changedKeys } from '../config/changed.js';
import { declareFlags, givenTo } from '../config/flags.js';
import { loadConfig, redacted } from '../config/load.js';
import { conflict } from '../config/option.js';
import { type RelayConfig, relaySchema } from '../config/schema.js';
import type { Sources } from '../config/sources.js';
import { greeting } from './greeting.js';
import { checkConfig } from './preflight.js';
import type { Running } from './running.js';
import { obeySignals } from './signals.js';
import { start } from './start.js';

/** --drain-ms after SIGINT where it is not given. */
const SIGINT_DRAIN_MS = 1000;

/** How long a relay that cannot go on may take to end: its own end may fail, or wait for ever. */
const FATAL_END_MS = 5000;

function endOnFatal(log: Logger, running: () => Running | undefined): void {
  let isEnding = false;
  const onFatal = async (error: unknown) => {
    log.fatal({ err: error }, 'uncaught error: the relay cannot go on');
    if (isEnding) return;
    isEnding = true;
    setTimeout(() => process.exit(1), FATAL_END_MS);
    try {
      await running()?.close();
    } finally {
      process.exit(1);
    }
  };
  process.on('uncaughtException', onFatal);
  process.on('unhandledRejection', onFatal);
}

/** pm2's cluster mode, and others: Node's cluster module hands no connections to uWS, which listens by itself. */
function refuseClusterWorker(): void {
  if (!cluster.isWorker) return;
  throw new FanwireError(
    'FANWIRE_CLUSTER_MODE',
    "fanwire cannot run in Node's cluster mode: each process would ask for the same port. Start it once (pm2: exec_mode fork, " +
      'instances 1) with --workers auto, which runs one relay a core on the port',
  );
}

/** Two listeners want one port. Not a rule of the options, since an embedded relay may have no admin listener. */
function refuseOnePort({ port, host, adminPort, adminHost }: RelayConfig): void {
  const meet = host === adminHost || [host, adminHost].some((each) => each === '0.0.0.0' || each === '::');
  if (port === 0 || port !== adminPort || !meet) return;
  throw conflict(`--port and --admin-port are both ${port}; give one of them another (0: any free one)`);
}

/** Says what of the --config file waits for a restart: who has changed it and sent SIGHUP may take it for done. */
function sayChanges(config: RelayConfig, sources: Sources, log: Logger): void {
  try {
    const changed = changedKeys(config, sources);
    if (changed.length > 0) log.warn({ changed }, 'the --config file has changed: a restart is needed for it');
  } catch (error) {
    log.error({ reason: (error as Error).message }, 'the relay could not be started again as it is configured now');
  }
}

async function serve(config: RelayConfig, origins: Record<string, string>, sources: Sources): Promise<void> {
  refuseClusterWorker();
  refuseOnePort(config);
  await checkConfig(config);
  const log = createLogger(config);
  // A person is greeted instead; details are there at level debug, and warnings in any case.
  const greets = isForPeople(config) && log.level === 'info';
  if (greets) log.level = 'warn';
  let running: Running | undefined;
  endOnFatal(log, () => running);
  const starting = start(config, log);
  // Where nothing else was asked for: a person at a terminal does not wait, and pm2 sends SIGINT and kills after 1.6 s.
  const isDefault = origins.drainMs === 'default';
  obeySignals(
    starting,
    log,
    (signal) => (signal === 'SIGINT' && isDefault ? Math.min(SIGINT_DRAIN_MS, config.drainMs) : config.drainMs),
    () => sayChanges(config, sources, log),
  );
  // Last: who has read this line may send signals.
  const set = Object.keys(origins).filter((key) => origins[key] !== 'default');
  log.info({ version, node: process.version, config: redacted(config), set }, `fanwire ${version} starting`);
  running = await starting;
  if (greets) {
    const bold = (text: string): string => (hasColors() ? `\u001b[1m${text}\u001b[22m` : text);
    process.stdout.write(greeting(config, running, version, bold));
    log.level = 'info';
  }
  // For who waits until it listens (pm2's wait_ready).
  if (process.connected) process.send?.('ready');
}

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('run the relay')
    .option('--print-config', 'print the effective configuration as JSON (a valid --config file) and exit');
  declareFlags(command, relaySchema);
  command.addHelpText(
    'after',
    `
Every option is also a variable (--max-payload: FANWIRE_MAX_PAYLOAD; --config: FANWIRE_CONFIG; an empty one counts as unset)
and a key of the --config file (see --print-config). A flag wins over a variable, a variable over the file.
Exit codes: 0 drained after SIGTERM or SIGINT, 1 could not start or failed, 2 bad flag, variable or file;
a second signal exits at once with 130 (SIGINT) or 143 (SIGTERM); the same one within half a second counts as one.
SIGHUP reads tokens, keys and certificates again, and says what else has changed in the --config file and waits for a
restart; certificates and what --cluster-… names are also read when they change.`,
  );
  return command.action(async () => {
    const sources = givenTo(command, relaySchema);
    const { config, origins } = loadConfig(sources);
    if (command.getOptionValue('printConfig') === true) {
      process.stdout.write(`${JSON.stringify(redacted(config), null, 2)}\n`);
      return;
    }
    await serve(config, origins, sources).catch((error: unknown) => {
      if (error instanceof FanwireError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw openFilesError(error) ?? new FanwireError('FANWIRE_START', `cannot start: ${reason}`);
    });
  });
}

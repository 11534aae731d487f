// Starts what `fanwire serve` runs: one relay in this thread, or several as workers.
import type { RelayConfig } from '../config/schema.js';
import type { Logger } from '../log.js';

/** A relay, or several of them as worker threads. */
export interface Running {
  /** Reads tokens and keys again. */
  reload(): Promise<void>;
  /** Closes every socket with 1012, spread over --drain-ms. */
  drain(): Promise<void>;
  /** Cuts what is left. The process may exit once this has resolved. */
  close(): void | Promise<void>;
}

/** What is not needed is not loaded: --help and a bad flag answer without uWS, and a missing binary is one line. */
export function start(config: RelayConfig, log: Logger): Promise<Running> {
  return config.workers > 1 ? startWorkers(config, log) : startAlone(config, log);
}

async function startAlone(config: RelayConfig, log: Logger): Promise<Running> {
  const { startRelay } = await import('../relay/relay.js');
  const { PublishApi } = await import('../http/publish.js');
  const relay = await startRelay(config, log);
  new PublishApi(relay, config, log).attach();
  return relay;
}

async function startWorkers(config: RelayConfig, log: Logger): Promise<Running> {
  const { Supervisor } = await import('../workers/supervisor.js');
  const supervisor = new Supervisor(config, log);
  await supervisor.start();
  return supervisor;
}

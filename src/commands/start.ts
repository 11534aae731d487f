// Starts what `fanwire serve` runs: one relay in this thread, or several as workers.
import type { RelayConfig } from '../config/schema.js';
import type { Logger } from '../log.js';
import type { Inspection } from '../relay/inspection.js';

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
  const { LocalInspection } = await import('../relay/inspection.js');
  return withAdmin(relay, new LocalInspection(relay, config), config, log);
}

async function startWorkers(config: RelayConfig, log: Logger): Promise<Running> {
  // uWS reads its environment when it is first loaded, and only what this thread sets is seen: a worker's variables are a copy.
  await import('../relay/uws.js');
  const { Supervisor } = await import('../workers/supervisor.js');
  const { WorkersInspection } = await import('../workers/inspection.js');
  const supervisor = new Supervisor(config, log);
  await supervisor.start();
  return withAdmin(supervisor, new WorkersInspection(supervisor), config, log);
}

/** Adds the admin listener to what runs. It answers until the drain is over: /readyz says meanwhile why nobody should come. */
export async function withAdmin(
  running: Running,
  inspection: Inspection,
  config: RelayConfig,
  log: Logger,
): Promise<Running> {
  const { startAdmin } = await import('../http/admin.js');
  try {
    const admin = await startAdmin(config, inspection, log);
    return {
      reload: () => running.reload(),
      drain: async () => {
        await running.drain();
        admin.close();
      },
      close: () => {
        admin.close();
        return running.close();
      },
    };
  } catch (error) {
    await running.close();
    throw error;
  }
}

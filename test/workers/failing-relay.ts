// `fanwire serve --workers 2` whose workers fail on a line of stdin: `throw 1`, `throw-in-handler 1`, `throw-again 1`,
// `block 1` (for 3 s), `leak 0`. Further options come as JSON; HELD_WORKER names one that never gets as far as
// listening.
import { createInterface } from 'node:readline';
import { BroadcastChannel } from 'node:worker_threads';
import { createLogger } from '../../src/base/log.js';
import { withAdmin } from '../../src/cli/running.js';
import { obeySignals } from '../../src/cli/signals.js';
import type { RelayConfig } from '../../src/config/schema.js';
import { WorkersInspection } from '../../src/workers/inspection.js';
import { Supervisor } from '../../src/workers/supervisor.js';
import { configWith } from '../support/config-with.js';

const given = JSON.parse(process.argv[2] ?? '{}') as Partial<RelayConfig>;
const config = configWith({ ...given, port: 0, adminPort: 0, workers: 2, drainMs: 0, logFormat: 'json' });
const log = createLogger(config);
const supervisor = new Supervisor(config, log, { entry: new URL('./failing-worker.js', import.meta.url) });
const starting = supervisor.start().then(() => withAdmin(supervisor, new WorkersInspection(supervisor), config, log));
obeySignals(starting, log);
await starting;
const orders = new BroadcastChannel('failing-worker');
orders.unref();
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const [how, worker] = line.split(' ');
  orders.postMessage({ how, worker: Number(worker) });
});

// A worker thread: one relay on the port that all workers share, and its end of the bus between them.
import { parentPort, workerData } from 'node:worker_threads';
import { FanwireError } from '../base/error.js';
import { createLogger } from '../base/log.js';
import { ThreadsBus } from '../bus/threads.js';
import { HealthRoute } from '../http/health.js';
import { PastApi } from '../http/past/past.js';
import { publishOwn } from '../http/publish/own.js';
import { PublishApi } from '../http/publish/publish.js';
import { SharedLedger } from '../relay/door/ledger.js';
import { type Relay, startRelay } from '../relay/relay.js';
import { type Inspection, LocalInspection } from '../relay/watch/inspection.js';
import { guardHeap } from './heap-guard.js';
import type { Call, FromWorker, WorkerOps, WorkerSetup } from './messages.js';

const main = parentPort as NonNullable<typeof parentPort>;
const { config, index, idPrefix, interest, ledger, links, hub, heirTo, letGo } = workerData as WorkerSetup;
const log = createLogger(config).child({ worker: index });
const bus = new ThreadsBus({ self: index, count: config.workers, interest, links, hub });
let starting: Promise<Relay> | undefined;
let relay: Relay | undefined;
let inspection: LocalInspection | undefined;

function say(message: FromWorker): void {
  main.postMessage(message);
}

/** Ends this thread once uWS has released its handles: Node aborts the process if a thread ends while they are open. */
async function end(exitCode: number): Promise<void> {
  stopGuard();
  // It may be told to end while it starts: another worker could not.
  const started = relay ?? (await starting?.catch(() => undefined));
  relay = undefined;
  started?.close();
  await bus.close().catch((error) => log.error({ err: error }, 'the bus failed while it ended'));
  setImmediate(() => {
    const flag = new Int32Array(letGo);
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
    process.exit(exitCode); // timers may be left, of a drain that is cut short
  });
}

let failing = false;
function fail(reason: unknown): void {
  log.fatal({ err: reason }, 'uncaught error: this worker ends, and is started anew');
  if (failing) return;
  failing = true;
  // Not at once: the error may come from a uWS handler, which must return before its App is closed.
  setImmediate(() => end(1));
}

process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
const stopGuard = guardHeap((usedMiB, limitMiB) => {
  fail(new FanwireError('FANWIRE_WORKER_MEMORY', `heap at ${usedMiB} of ${limitMiB} MiB; raise --max-old-space-size`));
});

function inspected(): Inspection {
  if (inspection === undefined) throw new FanwireError('FANWIRE_WORKER_STARTING', `worker ${index} is starting`);
  return inspection;
}

const ops: WorkerOps = {
  reload: () => relay?.reload() ?? Promise.resolve(),
  flush: () => {
    bus.takeIn();
    relay?.flush();
    bus.flush();
  },
  renewCertificate: () => {
    try {
      relay?.renewCertificate();
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  },
  leave: () => relay?.leave(),
  drain: async (overMs) => {
    bus.takeIn();
    await relay?.drain(overMs);
    main.unref(); // the thread ends by itself when the last client has closed its side
  },
  httpConnections: () => relay?.httpConnections() ?? { open: 0, underWay: 0 },
  publish: (topic, message, isBinary) => {
    if (relay === undefined) throw new FanwireError('FANWIRE_WORKER_STARTING', `worker ${index} is starting`);
    return publishOwn(relay, topic, message, isBinary);
  },
  closeIdle: () => relay?.closeIdle(),
  close: () => void end(0),
  link: (link) => bus.connect(link),
  originGone: (origin) => relay?.presence.originGone(origin),
  presenceInDoubt: () => relay?.presence.presenceInDoubt(),
  unlink: (peer) => bus.disconnect(peer),
  stats: () => inspected().stats(),
  notReady: () => inspected().notReady(),
  topics: (order, limit) => inspected().topics(order, limit),
  connections: (query) => inspected().connections(query),
  kick: (id) => inspected().kick(id),
};

main.on('message', async ({ id, op, args }: Call) => {
  try {
    const value = await (ops[op] as (...args: readonly unknown[]) => unknown)(...args);
    say({ type: 'result', id, value });
  } catch (error) {
    say({ type: 'error', id, message: error instanceof Error ? error.message : String(error) });
  }
});

try {
  starting = startRelay(config, log, {
    bus,
    threads: bus,
    idPrefix,
    heirTo,
    ledger: new SharedLedger(ledger, index),
    sharesPort: true,
  });
  relay = await starting;
  new PublishApi(relay, config).attach();
  new PastApi(relay, config).attach();
  inspection = new LocalInspection(relay, config, index);
  new HealthRoute(relay, inspection, config).attach();
  say({ type: 'listening' });
} catch (error) {
  const code = error instanceof FanwireError ? error.code : 'FANWIRE_START';
  say({ type: 'failed', code, message: error instanceof Error ? error.message : String(error) });
  await end(1);
}

// A relay inside a Node program or a test: no signal handlers, no process.exit, no lines on stdout unless asked for.

import { FanwireError } from './base/error.js';
import { createLogger } from './base/log.js';
import { openFilesError } from './base/open-files.js';
import { checkConfig } from './cli/preflight.js';
import type { Running } from './cli/running.js';
import { start, startBare } from './cli/start.js';
import { configOf } from './config/load.js';
import { MAX_DRAIN_MS } from './config/options/connections.js';
import type { RelayConfig } from './config/schema.js';
import { checkTopicName } from './protocol/topic-name.js';
import { urlOf } from './relay/listening.js';
import { totalOf } from './relay/watch/stats.js';

/** The options of `fanwire serve` by their keys (docs/configuration.md), all optional. Other than there, `port` is any
 *  free one, nothing is logged, `stop` closes all sockets at once, and there is an admin listener only where
 *  `adminPort` is given. Variables and configuration files are not read. */
export type RelayOptions = { readonly [Key in keyof RelayConfig]?: RelayConfig[Key] | undefined };

/** What the relay counts, all workers together, as `total` of GET /stats. */
export type RelayTotals = ReturnType<typeof totalOf>;

export interface RunningRelay {
  /** The port it got. */
  readonly port: number;
  /** Where clients connect: `ws://127.0.0.1:49152`; a topic is the path. */
  readonly url: string;
  /** The admin listener, `http://127.0.0.1:49153`; undefined where `adminPort` was not given. */
  readonly adminUrl: string | undefined;
  /**
   * Publishes to every subscriber of a topic: a string as a text frame, bytes as a binary one.
   * @param data at most `maxPayloadBytes`
   * @returns how many subscribers it went to, in this process
   * @throws FanwireError FANWIRE_PUBLISH where the topic or the data cannot be, FANWIRE_STOPPED after `stop`
   */
  publish(topic: string, data: string | Uint8Array): Promise<number>;
  /** Connections, topics, messages and losses, now and since the start.
   *  @throws FanwireError FANWIRE_STOPPED after `stop` of a relay with `workers` */
  stats(): Promise<RelayTotals>;
  /** Why newcomers are better sent elsewhere; empty when it is ready. */
  notReady(): Promise<readonly string[]>;
  /** Reads tokens, keys and certificates again, as SIGHUP has `fanwire serve` do. */
  reload(): Promise<void>;
  /**
   * Tells every client to go (1012), spread over `drainMs` (by default the option of that name; at most an hour),
   * waits up to 3 s for them to close their side, and frees the port, timers, threads and files. Twice is as good as
   * once.
   * @throws FanwireError FANWIRE_WORKERS_STUCK, FANWIRE_CONFIG_RANGE for a `drainMs` that cannot be: nothing is stopped
   */
  stop(options?: { readonly drainMs?: number }): Promise<void>;
}

const DEFAULTS: Partial<RelayConfig> = { port: 0, drainMs: 0, logLevel: 'silent' };
/** How long clients may take to close their side. */
const LINGER_MS = 3000;

/**
 * Starts a relay in this program; several at a time are fine.
 *
 *     const relay = await startRelay();
 *     const socket = new WebSocket(`${relay.url}/news`);
 *     await relay.stop();
 *
 * @throws FanwireError with a code of docs/errors.md: a wrong option, a port in use, a file that cannot be used
 */
export async function startRelay(options: RelayOptions = {}): Promise<RunningRelay> {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const got = Array.isArray(options) ? 'an array' : String(options);
    throw new FanwireError(
      'FANWIRE_CONFIG_RANGE',
      `startRelay takes an object of options such as { port: 0 }, got ${got}`,
    );
  }
  const config = configOf(options, DEFAULTS);
  try {
    await checkConfig(config);
    return await run(config, options.adminPort !== undefined);
  } catch (error) {
    if (error instanceof FanwireError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw openFilesError(error) ?? new FanwireError('FANWIRE_START', `cannot start: ${reason}`);
  }
}

async function run(config: RelayConfig, hasAdmin: boolean): Promise<RunningRelay> {
  let isStuck = false;
  const stuck = (): void => {
    isStuck = true;
  };
  const log = createLogger(config);
  const relay: Running = await (hasAdmin ? start : startBare)(config, log, stuck);
  let stopping: Promise<void> | undefined;

  async function end(drainMs: number): Promise<void> {
    try {
      await relay.drain(drainMs);
      await relay.settled(LINGER_MS);
    } finally {
      await relay.close();
    }
    if (isStuck) throw new FanwireError('FANWIRE_WORKERS_STUCK', 'workers of the relay do not end');
  }

  return {
    port: relay.port,
    url: urlOf(config.tlsCert === '' ? 'ws' : 'wss', config.host, relay.port),
    adminUrl: relay.adminPort === undefined ? undefined : urlOf('http', config.adminHost, relay.adminPort),
    publish: async (topic, data) => {
      if (stopping !== undefined) throw stopped();
      return relay.publish(topic, messageOf(topic, data, config.maxPayloadBytes), typeof data !== 'string');
    },
    stats: async () => {
      const workers = await relay.inspection.stats();
      if (workers.length === 0) throw stopped(); // what they counted has gone with them
      return totalOf(workers);
    },
    notReady: () => relay.inspection.notReady(),
    reload: () => relay.reload(),
    stop: (given) => {
      const drainMs = given?.drainMs ?? config.drainMs;
      if (!(Number.isFinite(drainMs) && drainMs >= 0 && drainMs <= MAX_DRAIN_MS)) {
        const message = `"drainMs" of stop is a number of milliseconds from 0 to ${MAX_DRAIN_MS}, got ${String(drainMs)}`;
        return Promise.reject(new FanwireError('FANWIRE_CONFIG_RANGE', message));
      }
      stopping ??= end(drainMs);
      return stopping;
    },
  };
}

function stopped(): FanwireError {
  return new FanwireError('FANWIRE_STOPPED', 'the relay has been stopped');
}

function messageOf(topic: string, data: string | Uint8Array, maxBytes: number): Uint8Array {
  const problem = typeof topic === 'string' ? checkTopicName(topic)?.message : 'a topic name is a string';
  if (problem !== undefined) throw new FanwireError('FANWIRE_PUBLISH', `cannot publish: ${problem}`);
  if (typeof data !== 'string' && !(data instanceof Uint8Array)) {
    throw new FanwireError('FANWIRE_PUBLISH', `cannot publish to ${topic}: data is a string or a Uint8Array`);
  }
  if (typeof data !== 'string' && isDetached(data)) {
    throw new FanwireError('FANWIRE_PUBLISH', `cannot publish to ${topic}: the data's buffer was transferred away`);
  }
  const message = typeof data === 'string' ? Buffer.from(data) : data;
  if (message.byteLength <= maxBytes) return message;
  throw new FanwireError(
    'FANWIRE_PUBLISH',
    `cannot publish to ${topic}: ${message.byteLength} bytes, at most ${maxBytes} (maxPayloadBytes)`,
  );
}

/** Whether the bytes are gone: transferred to a worker, for one. Node 20 has no `detached` of an ArrayBuffer. */
function isDetached(data: Uint8Array): boolean {
  if (data.byteLength > 0) return false;
  try {
    new Uint8Array(data.buffer);
    return false;
  } catch {
    return true;
  }
}

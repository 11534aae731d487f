// Makes the options of the NATS client from --cluster and the options that go with it.
import type { ConnectionOptions, NodeConnectionOptions } from '@nats-io/transport-node';
import type { RelayConfig } from '../config/schema.js';
import type { NatsFiles } from './nats-files.js';

export type ClusterConfig = Pick<
  RelayConfig,
  | 'cluster'
  | 'clusterPrefix'
  | 'clusterCreds'
  | 'clusterUser'
  | 'clusterPassword'
  | 'clusterToken'
  | 'clusterCa'
  | 'clusterCert'
  | 'clusterKey'
>;

const RECONNECT_MS = 500;
/** Added at random to each wait, so that the relays of a cluster do not all come back at once. */
const RECONNECT_JITTER_MS = 1500;
/** A server that does not answer two of these in a row is given up: at the latest after three times as long. */
const PING_MS = 5000;
const DIAL_MS = 5000;

/** How long to wait before the next round of dials. */
export function natsRetryMs(): number {
  return RECONNECT_MS + Math.random() * RECONNECT_JITTER_MS;
}

/** @param files what the options name; read again while the relay runs */
export function natsOptions(config: ClusterConfig, name: string, files: NatsFiles): ConnectionOptions {
  const options: NodeConnectionOptions = {
    name,
    servers: config.cluster.map((url) => new URL(url).host),
    noEcho: true,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: natsRetryMs,
    ignoreAuthErrorAbort: true,
    pingInterval: PING_MS,
    maxPingOut: 2,
    timeout: DIAL_MS,
    ...credentials(config),
  };
  if (files.authenticator !== undefined) options.authenticator = files.authenticator;
  if (Object.keys(files.tls).length > 0 || config.cluster.some((url) => url.startsWith('tls:')))
    options.tls = files.tls;
  return options;
}

/** From the flags, else from the first URL that has any: a name alone is a token. */
function credentials(config: ClusterConfig): ConnectionOptions {
  if (config.clusterUser !== '') return { user: config.clusterUser, pass: config.clusterPassword };
  if (config.clusterToken !== '') return { token: config.clusterToken };
  const given = config.cluster.map((url) => new URL(url)).find(({ username }) => username !== '');
  if (given === undefined) return {};
  const user = decodeURIComponent(given.username);
  return given.password === '' ? { token: user } : { user, pass: decodeURIComponent(given.password) };
}

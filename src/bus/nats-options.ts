// From --cluster and its companions to what the NATS client takes.
import { readFileSync } from 'node:fs';
import { type ConnectionOptions, credsAuthenticator, type NodeConnectionOptions } from '@nats-io/transport-node';
import type { RelayConfig } from '../config/schema.js';
import { FanwireError } from '../protocol/codes.js';

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

/** @throws FanwireError FANWIRE_CONFIG_FILE where a file cannot be read or holds no credentials */
export function natsOptions(config: ClusterConfig, name: string): ConnectionOptions {
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
  if (config.clusterCreds !== '') {
    const readCreds = (): Uint8Array => read('--cluster-creds', config.clusterCreds);
    requireCreds(config.clusterCreds, readCreds()); // an unusable file is an error now, not at the first challenge
    // Read at each connection: such files are renewed while a relay runs.
    options.authenticator = (nonce) => credsAuthenticator(readCreds())(nonce);
  }
  const wantsTls = config.clusterCa !== '' || config.clusterCert !== '';
  if (wantsTls || config.cluster.some((url) => url.startsWith('tls:'))) {
    options.tls = {};
    if (config.clusterCa !== '') options.tls.ca = read('--cluster-ca', config.clusterCa).toString();
    if (config.clusterCert !== '') {
      options.tls.cert = read('--cluster-cert', config.clusterCert).toString();
      options.tls.key = read('--cluster-key', config.clusterKey).toString();
    }
  }
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

function requireCreds(path: string, creds: Uint8Array): void {
  try {
    credsAuthenticator(creds)('');
  } catch (error) {
    throw new FanwireError(
      'FANWIRE_CONFIG_FILE',
      `--cluster-creds "${path}" holds no NATS credentials (a user JWT and its seed, as nsc writes them): ${(error as Error).message}`,
    );
  }
}

function read(flag: string, path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FanwireError('FANWIRE_CONFIG_FILE', `cannot read ${flag} "${path}": ${(error as Error).message}`);
  }
}

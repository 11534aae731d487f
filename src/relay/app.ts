// Creates the uWS App that a configuration asks for: plain or TLS, with its compression.

import { FanwireError } from '../base/error.js';
import type { RelayConfig } from '../config/schema.js';
import { Cost, type OpsBudget } from './budget/ops-budget.js';
import { utf8 } from './bytes.js';
import type { Connection, SocketState } from './fanout/audience.js';
import {
  App,
  DEDICATED_COMPRESSOR_4KB,
  DEDICATED_DECOMPRESSOR,
  DISABLED,
  SHARED_COMPRESSOR,
  SHARED_DECOMPRESSOR,
  SSLApp,
  type TemplatedApp,
  type WebSocket,
  type WebSocketBehavior,
} from './uws.js';

const COMPRESSION = {
  off: DISABLED,
  shared: SHARED_COMPRESSOR | SHARED_DECOMPRESSOR,
  dedicated: DEDICATED_COMPRESSOR_4KB | DEDICATED_DECOMPRESSOR,
};

/** uWS cuts a socket over its own limit without a close frame. For messages up to this size the relay reads on
 *  instead, and closes with 1009. */
const READ_FOR_CLOSE_BYTES = 1024 * 1024;

/** The limits that uWS itself applies to a WebSocket.
 *  @param maxBackpressure bytes it buffers for a socket before it drops messages */
export function socketLimits(config: RelayConfig, maxBackpressure: number) {
  return {
    maxPayloadLength: Math.max(READ_FOR_CLOSE_BYTES, config.maxPayloadBytes),
    maxBackpressure,
    idleTimeout: config.idleTimeoutS,
    // With a timeout of 0 uWS would compute a ping interval below zero.
    sendPingsAutomatically: config.idleTimeoutS > 0,
    maxLifetime: config.maxLifetimeMin,
    compression: COMPRESSION[config.compression],
  };
}

/** Throws FanwireError FANWIRE_TLS when the certificate or key cannot be used. */
export function makeApp(config: RelayConfig): TemplatedApp {
  if (config.tlsCert === '') return App();
  try {
    return SSLApp({ cert_file_name: utf8(config.tlsCert), key_file_name: utf8(config.tlsKey) });
  } catch (error) {
    throw new FanwireError(
      'FANWIRE_TLS',
      `--tls-cert ${config.tlsCert} and --tls-key ${config.tlsKey} are not a usable PEM certificate and its key: ` +
        `${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** uWS's handlers of control frames; none if ops are unlimited. */
export function controlFrames(
  ops: OpsBudget<Connection>,
  ponged: (connection: Connection) => void,
): Pick<WebSocketBehavior<SocketState>, 'ping' | 'pong'> {
  if (!ops.isLimited) return {};
  const count = (ws: WebSocket<SocketState>): Connection => {
    const { connection } = ws.getUserData();
    ops.pay(connection, Cost.controlFrame);
    return connection;
  };
  return { ping: (ws) => void count(ws), pong: (ws) => ponged(count(ws)) };
}

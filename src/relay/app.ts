// The uWS App a configuration asks for: plain or TLS, and its compression.
import type { RelayConfig } from '../config/schema.js';
import { FanwireError } from '../protocol/codes.js';
import {
  App,
  DEDICATED_COMPRESSOR_4KB,
  DEDICATED_DECOMPRESSOR,
  DISABLED,
  SHARED_COMPRESSOR,
  SHARED_DECOMPRESSOR,
  SSLApp,
  type TemplatedApp,
} from './uws.js';

export const COMPRESSION = {
  off: DISABLED,
  shared: SHARED_COMPRESSOR | SHARED_DECOMPRESSOR,
  dedicated: DEDICATED_COMPRESSOR_4KB | DEDICATED_DECOMPRESSOR,
};

/** uWS cuts a socket over its own limit without a close frame; up to this size the relay reads on and closes with 1009. */
export const READ_FOR_CLOSE_BYTES = 1024 * 1024;

/** Throws FanwireError FANWIRE_TLS when the certificate or key cannot be used. */
export function makeApp(config: RelayConfig): TemplatedApp {
  if (config.tlsCert === '') return App();
  try {
    return SSLApp({ cert_file_name: config.tlsCert, key_file_name: config.tlsKey });
  } catch (error) {
    throw new FanwireError(
      'FANWIRE_TLS',
      `--tls-cert ${config.tlsCert} and --tls-key ${config.tlsKey} are not a usable PEM certificate and its key: ` +
        `${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

// The interface through which the code that started a relay controls it.
import type { HttpConnections } from './exit/lingering.js';

export interface RelayLife {
  /** The port it listens on, also if any free one was asked for. */
  readonly port: number;
  /** Reads tokens and keys again (SIGHUP), and closes the sockets of revoked tokens. */
  reload(): Promise<void>;
  /** New clients get the certificate that the files hold now; open sockets stay.
   *  @throws FanwireError FANWIRE_TLS, FANWIRE_LISTEN: then nothing has changed */
  renewCertificate(): void;
  /** Tells new clients that they should go elsewhere, and still accepts those that come. */
  leave(): void;
  /** Accepts nobody any more and closes every socket with 1012, spread over `overMs`. Resolves when the last one was
   *  closed. */
  drain(overMs?: number): Promise<void>;
  /** For a caller that waits until a drained relay has only idle HTTP connections left, and then closes those. */
  httpConnections(): HttpConnections;
  closeIdle(): void;
  /** Cuts all that is left, at once. */
  close(): void;
}

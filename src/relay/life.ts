// What starts a relay asks of it from then on.
import type { HttpConnections } from './exit/lingering.js';

/** How a relay that listens goes on and ends. */
export interface RelayLife {
  /** The port it got, where any free one was asked for. */
  readonly port: number;
  /** Reads tokens and keys again (SIGHUP), and closes the sockets of revoked tokens. */
  reload(): Promise<void>;
  /** Newcomers get the certificate that the files now hold; open sockets stay.
   *  @throws FanwireError FANWIRE_TLS, FANWIRE_LISTEN: then nothing has changed */
  renewCertificate(): void;
  /** Says that newcomers are better sent elsewhere, and takes those that come all the same. */
  leave(): void;
  /** Lets nobody in any more and closes every socket with 1012, spread over `overMs`. Resolves when the last was
   *  told. */
  drain(overMs?: number): Promise<void>;
  /** For who waits until a drained relay has nothing but idle HTTP connections left, and closes those. */
  httpConnections(): HttpConnections;
  closeIdle(): void;
  /** Cuts what is left, at once. */
  close(): void;
}

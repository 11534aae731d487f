// Chooses the local address and port of a connection, so that a machine can open more connections than one address
// has ports.
//
// The kernel picks from some 28,000 ports per local address and target; beyond that, connect() fails with
// EADDRNOTAVAIL. For a loopback target the generator therefore spreads over 127.0.0.2, 127.0.0.3, … and chooses the
// port itself, below the kernel's own range (32768 and up), so that the two never compete. A port in use is skipped.

import type { SourceAddress } from './connection.js';

/** Up to this many connections per target, the kernel chooses the port. */
const KERNEL_PORTS = 15_000;
const FIRST_PORT = 12_000;
const PORTS_PER_ADDRESS = 20_000;
/** 127.0.0.2 to 127.0.255.254. */
const ADDRESSES = 65_000;
const RETRYABLE = new Set(['EADDRINUSE', 'EADDRNOTAVAIL']);
/** Ports tried for one connection before it counts as failed. */
export const MAX_PORT_TRIES = 50;

/** Hands out source addresses to one generator process. */
export class SourceAddresses {
  private nextIndex: number;

  /** `lane` of `lanes` processes that share the machine; `given`: the addresses of `--local-address`; without them,
   *  loopback addresses. */
  constructor(
    lane: number,
    private readonly lanes: number,
    private readonly given: readonly string[],
    private readonly isExplicit: boolean,
  ) {
    this.nextIndex = lane;
  }

  /** The source of the next connection; empty when the kernel may choose. */
  next(): SourceAddress {
    const i = this.nextIndex;
    this.nextIndex += this.lanes;
    if (!this.isExplicit)
      return this.given.length === 0 ? {} : { localAddress: this.given[i % this.given.length] as string };
    const localPort = FIRST_PORT + (i % PORTS_PER_ADDRESS);
    const block = Math.floor(i / PORTS_PER_ADDRESS);
    if (this.given.length > 0) return { localAddress: this.given[block % this.given.length] as string, localPort };
    const address = 2 + (block % ADDRESSES);
    return { localAddress: `127.0.${address >> 8}.${address & 255}`, localPort };
  }
}

/** Whether a connect failed because of the source port, so that another port may work. */
export function isPortTaken(code: string | undefined): boolean {
  return code !== undefined && RETRYABLE.has(code);
}

/** Whether to choose addresses and ports ourselves: with many connections to a loopback IPv4 target, on Linux
 *  (elsewhere only 127.0.0.1 exists). */
export function needsExplicitSources(connections: number, hosts: readonly string[]): boolean {
  const perTarget = connections / Math.max(1, hosts.length);
  return process.platform === 'linux' && perTarget > KERNEL_PORTS && hosts.every((host) => host.startsWith('127.'));
}

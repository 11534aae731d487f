// Who may connect: caps on connections, in total and per address, and the rate of handshakes.
import { type Refusal, Refused } from '../../protocol/codes.js';
import { type Bucket, take, waitMs } from '../budget/token-bucket.js';
import { addressKey } from './client-address.js';
import { type Ledger, LocalLedger } from './ledger.js';

export interface AdmissionLimits {
  /** Open WebSockets in all, handshakes under way included; 0 is unlimited. */
  readonly maxConnections: number;
  /** Open WebSockets of one IPv4 address or IPv6 /64; 0 is unlimited. */
  readonly maxConnectionsPerIp: number;
  /** New handshakes a second; 0 is unlimited. Each of several threads that share a port gets its share. */
  readonly handshakeRate: number;
  readonly workers: number;
}

/** Refused clients are told to retry at different times within this spread, so that they do not all return at once. */
const RETRY_SPREAD_S = 5;

/** Counts connections from the start of their handshake to their close. */
export class Admission {
  private open = 0;
  private readonly handshakeRate: number;
  private readonly handshakes: Bucket;

  constructor(
    private readonly limits: AdmissionLimits,
    private readonly ledger: Ledger = new LocalLedger(),
    private readonly now: () => number = performance.now.bind(performance),
  ) {
    this.handshakeRate = limits.handshakeRate / limits.workers;
    this.handshakes = { level: this.burst, atMs: now() };
  }

  /** Connections and handshakes under way in this thread. */
  get connections(): number {
    return this.open;
  }

  /** Connections and handshakes under way in all threads. */
  get total(): number {
    return this.ledger.total();
  }

  /** Whether the cap over all threads is reached. */
  get isFull(): boolean {
    const { maxConnections } = this.limits;
    return maxConnections > 0 && this.ledger.total() >= maxConnections;
  }

  /** Admits a handshake from `address` (text, see ClientAddress), or returns why not. For each admitted handshake
   *  call `release` exactly once with the same address, when it fails or its socket closes. */
  admit(address: string): Refusal | undefined {
    const { maxConnectionsPerIp } = this.limits;
    if (this.isFull) return spread(Refused.relayFull);
    const key = this.keyOf(address);
    if (key !== undefined && this.ledger.of(key) >= maxConnectionsPerIp) return Refused.addressFull;
    if (this.handshakeRate > 0 && !take(this.handshakes, 1, this.handshakeRate, this.burst, this.now)) {
      const waitS = waitMs(this.handshakes, 1, this.handshakeRate) / 1000;
      return spread({ ...Refused.handshakeRate, retryAfterS: Math.ceil(waitS) });
    }
    this.open++;
    this.ledger.add(key, 1);
    return undefined;
  }

  /** Gives back what `admit` took. */
  release(address: string): void {
    this.open--;
    this.ledger.add(this.keyOf(address), -1);
  }

  private keyOf(address: string): string | undefined {
    return this.limits.maxConnectionsPerIp > 0 ? addressKey(address) : undefined;
  }

  /** A second's worth, and at least one handshake. */
  private get burst(): number {
    return Math.max(1, this.handshakeRate);
  }
}

function spread(refusal: Refusal): Refusal {
  const extraS = Math.floor(Math.random() * RETRY_SPREAD_S);
  return { ...refusal, retryAfterS: (refusal.retryAfterS ?? 1) + extraS };
}

// Who may come in: connection caps in all and per address, and the rate of handshakes.
import { type Refusal, Refused } from '../protocol/codes.js';
import { addressKey } from './client-address.js';
import { type Bucket, take, waitMs } from './token-bucket.js';

export interface AdmissionLimits {
  /** Open WebSockets in all, handshakes under way included; 0 is unlimited. */
  readonly maxConnections: number;
  /** Open WebSockets of one IPv4 address or IPv6 /64; 0 is unlimited. */
  readonly maxConnectionsPerIp: number;
  /** New handshakes a second; 0 is unlimited. */
  readonly handshakeRate: number;
}

/** Refused clients are told to come back within this spread, so that a herd does not return as one. */
const RETRY_SPREAD_S = 5;

/** Counts connections from the start of their handshake to their close. */
export class Admission {
  private open = 0;
  private readonly perAddress = new Map<string, number>();
  private readonly handshakes: Bucket;

  constructor(
    private readonly limits: AdmissionLimits,
    private readonly now: () => number = performance.now.bind(performance),
  ) {
    this.handshakes = { level: limits.handshakeRate, atMs: now() };
  }

  /** Connections and handshakes under way. */
  get connections(): number {
    return this.open;
  }

  /**
   * Admits a handshake from `address` (text, see ClientAddress), or says why not. An admitted one is given back by
   * exactly one `release` with the same address, when the handshake fails or the socket closes.
   */
  admit(address: string): Refusal | undefined {
    const { maxConnections, maxConnectionsPerIp, handshakeRate } = this.limits;
    if (maxConnections > 0 && this.open >= maxConnections) return spread(Refused.relayFull);
    const key = maxConnectionsPerIp > 0 ? addressKey(address) : '';
    const ofAddress = maxConnectionsPerIp > 0 ? (this.perAddress.get(key) ?? 0) : 0;
    if (maxConnectionsPerIp > 0 && ofAddress >= maxConnectionsPerIp) return Refused.addressFull;
    if (handshakeRate > 0 && !take(this.handshakes, 1, handshakeRate, handshakeRate, this.now())) {
      const waitS = waitMs(this.handshakes, 1, handshakeRate) / 1000;
      return spread({ ...Refused.handshakeRate, retryAfterS: Math.ceil(waitS) });
    }
    this.open++;
    if (maxConnectionsPerIp > 0) this.perAddress.set(key, ofAddress + 1);
    return undefined;
  }

  /** Gives back what `admit` took. */
  release(address: string): void {
    this.open--;
    if (this.limits.maxConnectionsPerIp === 0) return;
    const key = addressKey(address);
    const left = (this.perAddress.get(key) ?? 1) - 1;
    if (left === 0) this.perAddress.delete(key);
    else this.perAddress.set(key, left);
  }
}

function spread(refusal: Refusal): Refusal {
  const extraS = Math.floor(Math.random() * RETRY_SPREAD_S);
  return { ...refusal, retryAfterS: (refusal.retryAfterS ?? 1) + extraS };
}

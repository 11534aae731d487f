// The certificate that clients are shown: what was last read of its files, and when it ends.
import { createHash, type X509Certificate } from 'node:crypto';
import { type Given, readGiven, requireKeyPair } from './pem.js';
import type { RelayConfig } from './schema.js';

/** A certificate and key as they were read. */
export interface ReadCertificate {
  readonly certificate: X509Certificate;
  readonly digest: string;
}

export class ServedCertificate {
  private readonly cert: Given;
  private readonly key: Given;
  private held: ReadCertificate;

  /** @throws FanwireError FANWIRE_CONFIG_TLS, FANWIRE_CONFIG_FILE */
  constructor({ tlsCert, tlsKey }: Pick<RelayConfig, 'tlsCert' | 'tlsKey'>) {
    this.cert = ['--tls-cert', tlsCert];
    this.key = ['--tls-key', tlsKey];
    this.held = this.read();
  }

  get paths(): readonly string[] {
    return [this.cert[1], this.key[1]];
  }

  /** Unix time in ms. */
  get expiresAtMs(): number {
    return Date.parse(this.held.certificate.validTo);
  }

  /** What the log says of it. */
  get facts(): Record<string, string> {
    const { subject, serialNumber } = this.held.certificate;
    const expiresAt = new Date(this.expiresAtMs).toISOString();
    return { subject: (subject ?? '').replaceAll('\n', ', '), serialNumber, expiresAt };
  }

  /** What the files hold now; undefined where that is what is held. Throws as the constructor does. */
  changed(): ReadCertificate | undefined {
    const now = this.read();
    return now.digest === this.held.digest ? undefined : now;
  }

  hold(read: ReadCertificate): void {
    this.held = read;
  }

  private read(): ReadCertificate {
    const certificate = requireKeyPair(this.cert, this.key);
    const digest = createHash('sha256').update(readGiven(this.cert)).update(readGiven(this.key)).digest('hex');
    return { certificate, digest };
  }
}

// The certificate that clients are shown: what was last read of its files, and when it ends.
import { createHash, type X509Certificate } from 'node:crypto';
import { FanwireError } from '../base/error.js';
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
    return endOf(this.held);
  }

  /** What the log says of it. */
  get facts(): Record<string, string> {
    const { subject, serialNumber } = this.held.certificate;
    const expiresAt = new Date(this.expiresAtMs).toISOString();
    return { subject: (subject ?? '').replaceAll('\n', ', '), serialNumber, expiresAt };
  }

  /** What the files hold now; undefined if it has not changed. Throws as the constructor does, and if it has already
   *  expired while the certificate in use has not: an old file was put back by mistake. */
  changed(): ReadCertificate | undefined {
    const now = this.read();
    if (now.digest === this.held.digest) return undefined;
    if (endOf(now) > Date.now() || this.expiresAtMs <= Date.now()) return now;
    const [flag, path] = this.cert;
    throw new FanwireError('FANWIRE_CONFIG_TLS', `${flag} "${path}" ended on ${new Date(endOf(now)).toISOString()}`);
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

function endOf({ certificate }: ReadCertificate): number {
  return Date.parse(certificate.validTo);
}

// The files that --cluster-ca, --cluster-cert, --cluster-key and --cluster-creds name, as they were last read whole.
// They are renewed while a relay runs, and the NATS client reads them at each connection: one that is broken then must
// not keep the node out of its cluster.
import { credsAuthenticator, type NodeConnectionOptions } from '@nats-io/transport-node';
import { FanwireError } from '../base/error.js';
import { readGiven, requireCertificate, requireKeyPair } from '../config/pem.js';
import type { RelayConfig } from '../config/schema.js';

type FilesConfig = Pick<RelayConfig, 'clusterCa' | 'clusterCert' | 'clusterKey' | 'clusterCreds'>;

interface Held {
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly creds: string | undefined;
}

export class NatsFiles {
  /** For the NATS client, which looks into it at each connection. Empty where neither --cluster-ca nor --cluster-cert
   *  is given. */
  readonly tls: Held['tls'] = {};
  /** Signs in with the credentials as they are then; undefined without --cluster-creds. */
  readonly authenticator: NodeConnectionOptions['authenticator'];
  private held: Held;

  /** @throws FanwireError FANWIRE_CONFIG_FILE, FANWIRE_CONFIG_TLS where a file cannot be read or does not hold what it
   *  should */
  constructor(private readonly config: FilesConfig) {
    this.held = read(config);
    Object.assign(this.tls, this.held.tls);
    if (config.clusterCreds === '') return;
    this.authenticator = (nonce) => credsAuthenticator(Buffer.from(this.held.creds ?? ''))(nonce);
  }

  get paths(): readonly string[] {
    const { clusterCa, clusterCert, clusterKey, clusterCreds } = this.config;
    return [clusterCa, clusterCert, clusterKey, clusterCreds].filter((path) => path !== '');
  }

  /** Reads the files again; the next connection uses them. False where they are as before. Throws as the constructor
   *  does, and then what was read before holds. */
  renew(): boolean {
    const now = read(this.config);
    if (JSON.stringify(now) === JSON.stringify(this.held)) return false;
    this.held = now;
    Object.assign(this.tls, now.tls);
    return true;
  }
}

function read({ clusterCa, clusterCert, clusterKey, clusterCreds }: FilesConfig): Held {
  if (clusterCa !== '') requireCertificate(['--cluster-ca', clusterCa]);
  if (clusterCert !== '') requireKeyPair(['--cluster-cert', clusterCert], ['--cluster-key', clusterKey]);
  const creds = clusterCreds === '' ? undefined : readGiven(['--cluster-creds', clusterCreds]);
  if (creds !== undefined) requireCreds(clusterCreds, creds);
  return {
    tls: {
      ...(clusterCa !== '' && { ca: readGiven(['--cluster-ca', clusterCa]) }),
      ...(clusterCert !== '' && {
        cert: readGiven(['--cluster-cert', clusterCert]),
        key: readGiven(['--cluster-key', clusterKey]),
      }),
    },
    creds,
  };
}

function requireCreds(path: string, creds: string): void {
  try {
    credsAuthenticator(Buffer.from(creds))('');
  } catch (error) {
    throw new FanwireError(
      'FANWIRE_CONFIG_FILE',
      `--cluster-creds "${path}" holds no NATS credentials (a user JWT and its seed, as nsc writes them): ${(error as Error).message}`,
    );
  }
}

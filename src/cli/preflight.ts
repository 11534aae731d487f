// What a configuration names is read once before anything starts, so that a mistake in it is one line and exit code 2,
// never a relay that says it is starting. Each part reads it again when it starts: this thread's, every worker's, and
// on SIGHUP.
import { keyLoader } from '../auth/keys.js';
import { compileOrigins } from '../auth/origins.js';
import { compilePatterns } from '../auth/permissions.js';
import { readTokens } from '../auth/static.js';
import { requireKeyPair } from '../config/pem.js';
import type { RelayConfig } from '../config/schema.js';
import { compileTrustProxy } from '../relay/door/client-address.js';

/** @throws FanwireError whose code makes it a usage error */
export async function checkConfig(config: RelayConfig): Promise<void> {
  compileOrigins(config.origins);
  compileTrustProxy(config.trustProxy);
  compilePatterns(config.presence, '--presence');
  if (config.auth === 'static') readTokens(config.tokensFile);
  if (config.auth === 'jwt') keyLoader(config)?.();
  if (config.tlsCert !== '') requireKeyPair(['--tls-cert', config.tlsCert], ['--tls-key', config.tlsKey]);
  if (config.cluster.length === 0) return;
  const { NatsFiles } = await import('../bus/nats-files.js');
  new NatsFiles(config);
}

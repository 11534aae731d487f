// SIGHUP: tokens and keys are read again, and the sockets of tokens that were revoked close.
import type { Authenticator } from '../../auth/auth.js';
import type { Logger } from '../../base/log.js';
import type { Connection } from '../fanout/audience.js';
import type { Expiry } from './expiry.js';

export async function reloadTokens(
  authenticator: Authenticator,
  connections: Iterable<Connection>,
  expiry: Expiry,
  log: Logger,
): Promise<void> {
  if (authenticator.reload === undefined) {
    log.info('no tokens or keys to read again: --auth none');
    return;
  }
  await authenticator.reload();
  if (authenticator.holds === undefined) return;
  for (const connection of connections) {
    if (!authenticator.holds(connection.identity)) expiry.expireNow(connection);
  }
}

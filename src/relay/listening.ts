// Messages about a port that is listened on, or cannot be used.
import { createServer } from 'node:net';
import { FanwireError } from '../base/error.js';

/** The flags that choose port and address. */
type Flags = readonly [port: string, host: string];

/** What is wrong, and what to do, by the system's error code. */
const REASONS: Record<string, (flags: Flags) => string> = {
  EADDRINUSE: ([port]) => `the port is in use; stop what has it, or choose another with ${port} (0 takes any free one)`,
  EADDRNOTAVAIL: ([, host]) =>
    `this machine has no such address; choose one with ${host} (0.0.0.0 or :: for all interfaces)`,
  EACCES: ([port]) => `not permitted; choose a ${port} from 1024 on, or give the process CAP_NET_BIND_SERVICE`,
  ENOTFOUND: ([, host]) => `the name has no address; choose another with ${host}`,
};

/** @param error the system's, where it is known */
export function cannotListen(host: string, port: number, flags: Flags, error?: NodeJS.ErrnoException): FanwireError {
  const reason =
    error === undefined
      ? `the port is in use or the address is not this machine's; choose others with ${flags.join(', ')}`
      : (REASONS[error.code ?? '']?.(flags) ?? error.message);
  return new FanwireError('FANWIRE_LISTEN', `cannot listen on ${authorityOf(host, port)}: ${reason}`);
}

/** Asks the system why, which uWebSockets.js does not tell. */
export async function whyCannotListen(host: string, port: number, flags: Flags): Promise<FanwireError> {
  const error = await tryListening(host, port).catch((reason: NodeJS.ErrnoException) => reason);
  return cannotListen(host, port, flags, error instanceof Error ? error : undefined);
}

/** Whether the system lets this process listen there, and alone: gives the port, which is free again.
 *  @throws what the system says */
export function tryListening(host: string, port: number): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      const { port: found } = server.address() as { port: number };
      server.close(() => resolve(found));
    });
  });
}

/** `ws://[::1]:9001` */
export function urlOf(scheme: string, host: string, port: number): string {
  return `${scheme}://${authorityOf(host, port)}`;
}

function authorityOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

// Finds out whether a port is free before several threads share it: with SO_REUSEPORT they would share it with another relay.
import { createServer } from 'node:net';
import { FanwireError } from '../protocol/codes.js';

/** The port to listen on: `port`, or any free one where it is 0.
 *  @throws FanwireError FANWIRE_LISTEN where another process has it, or the address is not this machine's */
export function claimPort(host: string, port: number): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new FanwireError(
          'FANWIRE_LISTEN',
          `cannot listen on ${host}:${port}: ${error.code === 'EADDRINUSE' ? 'the port is in use' : error.message}; ` +
            'stop what has it, or choose another with --port (0 takes any free one) or --host',
        ),
      );
    });
    server.listen({ host, port, exclusive: true }, () => {
      const { port: found } = server.address() as { port: number };
      server.close(() => resolve(found));
    });
  });
}

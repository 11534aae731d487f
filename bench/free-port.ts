// A port that nobody listens on just now: for servers that cannot choose one and tell, or must start again on the one they had.
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A free port of the loopback. Somebody else may take it before its server does. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

// Finds a port that nobody listens on at the moment, for servers that cannot choose a port themselves and report it,
// or that must restart on the same port.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** A free port on loopback. Another process may take it before the server listens on it. */
export async function freePort(): Promise<number> {
  return portOf(await listener());
}

/** Two different ports. Both are held at the same time, because two calls of `freePort` could return the same one. */
export async function twoFreePorts(): Promise<[number, number]> {
  const [one, other] = [await listener(), await listener()];
  return [await portOf(one), await portOf(other)];
}

async function listener(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Closes the listener and returns its port. */
async function portOf(server: Server): Promise<number> {
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

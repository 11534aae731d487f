// A port that nobody listens on just now: for servers that cannot choose one and tell, or must start again on the one
// they had.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** A free port of the loopback. Somebody else may take it before its server does. */
export async function freePort(): Promise<number> {
  return portOf(await listener());
}

/** Two that differ: one after the other could be given the same. */
export async function twoFreePorts(): Promise<[number, number]> {
  const [one, other] = [await listener(), await listener()];
  return [await portOf(one), await portOf(other)];
}

async function listener(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** The port that it gives back. */
async function portOf(server: Server): Promise<number> {
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

// A TCP proxy that cuts connections without a goodbye, wherever in a frame they are.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export class CuttingProxy {
  private readonly open = new Set<Socket>();
  /** Bytes from the relay after which the next connection to carry that many is cut; undefined for never. */
  private cutAfterBytes: number | undefined;
  /** Connections cut so far. */
  cuts = 0;

  private constructor(readonly port: number) {}

  static async start(t: TestContext, relayPort: () => number): Promise<CuttingProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new CuttingProxy((server.address() as AddressInfo).port);
    server.on('connection', (client) => proxy.join(client, connect(relayPort(), '127.0.0.1')));
    t.after(() => {
      server.close();
      proxy.cutAll();
    });
    return proxy;
  }

  /** Cuts every connection now. */
  cutAll(): void {
    for (const socket of this.open) this.cut(socket);
  }

  /** Cuts the connection that carries the next `bytes` bytes from the relay, after exactly those. */
  cutAfter(bytes: number): void {
    this.cutAfterBytes = bytes;
  }

  private join(client: Socket, relay: Socket): void {
    this.open.add(client);
    client.on('error', () => {});
    relay.on('error', () => client.destroy());
    client.on('close', () => {
      this.open.delete(client);
      relay.destroy();
    });
    relay.on('close', () => client.destroy());
    client.pipe(relay);
    relay.on('data', (chunk) => {
      if (this.cutAfterBytes === undefined || client.destroyed) {
        client.write(chunk);
        return;
      }
      client.write(chunk.subarray(0, this.cutAfterBytes));
      this.cutAfterBytes -= chunk.length;
      if (this.cutAfterBytes > 0) return;
      this.cutAfterBytes = undefined;
      this.cut(client);
    });
  }

  private cut(client: Socket): void {
    this.cuts++;
    client.destroySoon();
  }
}

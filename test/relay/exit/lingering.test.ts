// What the kernel says of a port's sockets.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import test from 'node:test';
import { openSockets } from '../../../src/relay/exit/lingering.js';

const linux = process.platform === 'linux' ? {} : { skip: 'reads /proc/self/net/tcp' };

test(
  'sockets that this process has accepted on a port are counted until they are closed, the listening one is not',
  linux,
  async (t) => {
    for (const host of ['127.0.0.1', '::1']) {
      const accepted: Socket[] = [];
      const server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(socket)).listen(0, host);
      const listening = once(server, 'listening').catch(() => undefined);
      if ((await Promise.race([listening, once(server, 'error')])) === undefined) continue; // no IPv6 here
      t.after(() => server.close());
      const { port } = server.address() as AddressInfo;
      assert.equal(await openSockets(port), 0);
      const clients = [1, 2, 3].map(() => connect({ port, host, allowHalfOpen: true }));
      t.after(() => {
        for (const client of clients) client.destroy();
      });
      while (accepted.length < 3) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(await openSockets(port), 3);
      accepted[0]?.end(); // shut down on this side only: still open
      assert.equal(await openSockets(port), 3);
      accepted[1]?.destroy();
      if (accepted[1]) await once(accepted[1], 'close');
      assert.equal(await openSockets(port), 2);
      for (const socket of accepted) socket.destroy();
    }
  },
);

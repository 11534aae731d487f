// A host name with several addresses is the one that something listens on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { addressOf } from '../../../bench/engines/native/address-of.js';

test('localhost is the address that is listened on, and a name that is none is an error with its code', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  assert.equal(await addressOf('localhost', port), '127.0.0.1');
  assert.equal(await addressOf('127.0.0.1', port), '127.0.0.1');
  await assert.rejects(addressOf('nobody.invalid', port), (error: NodeJS.ErrnoException) =>
    /^(ENOTFOUND|EAI_AGAIN)$/.test(String(error.code)),
  );
});

// wss:// with a certificate of the test's own.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { certificate } from '../../support/certificate.js';
import { serve } from '../../support/fanwire-process.js';
import { SocketClient } from '../../support/socket-client.js';

test('with --tls-cert and --tls-key clients talk wss, bursts and big messages too', async (t) => {
  const { cert, key } = certificate(t);
  const relay = await serve(t, ['--tls-cert', cert, '--tls-key', key]);
  const url = relay.url('secret').replace('ws:', 'wss:');
  const ca = readFileSync(cert);
  const clients = await Promise.all(Array.from({ length: 40 }, () => SocketClient.open(t, url, { ca })));
  const [sender, ...receivers] = clients;
  const sent = Array.from({ length: 300 }, (_, i) => `${i}:${'x'.repeat(i % 100 === 99 ? 30_000 : i)}`);
  for (const text of sent) sender?.socket.send(text);
  await Promise.all(receivers.map((receiver) => receiver.count(sent.length)));
  for (const receiver of receivers) assert.deepEqual(receiver.texts, sent);
  assert.match(relay.stdout(), /wss:\/\/127\.0\.0\.1/);
});

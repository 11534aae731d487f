// What signs a node in at NATS is replaced while the node runs: the connection stays, the next one uses what is new,
// and a broken file does not keep the node out of its cluster.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { createUser } from '@nats-io/nkeys';
import { FanwireError } from '../../src/base/error.js';
import { NatsFiles } from '../../src/bus/nats-files.js';
import { certificate } from '../support/certificate.js';
import { serve } from '../support/fanwire-process.js';
import { NatsServer } from '../support/nats-server.js';
import { needs } from '../support/needs.js';

const nats = needs('nats-server');

test('a CA and client certificate that are renewed serve the next connection to NATS', nats, async (t) => {
  const files = certificate(t); // of the server, of the client, and the CA of both
  const ca = join(files.folder, 'ca.pem');
  copyFileSync(files.cert, ca);
  const tls = ['--tls', '--tlscert', files.cert, '--tlskey', files.key, '--tlscacert', files.cert, '--tlsverify'];
  const server = await NatsServer.start(t, tls);
  const flags = ['--cluster-ca', ca, '--cluster-cert', files.cert, '--cluster-key', files.key];
  const relay = await serve(t, ['--cluster', server.url.replace('nats:', 'tls:'), ...flags]);
  await relay.seen(/joined the cluster/);

  const fresh = certificate(t);
  copyFileSync(fresh.cert, files.cert);
  copyFileSync(fresh.key, files.key);
  copyFileSync(fresh.cert, ca);
  await relay.seen(/"msg":"files of --cluster renewed/);
  assert.doesNotMatch(relay.stdout(), /NATS is away/);
  await server.kill();
  await server.start();
  await relay.seen(/(joined the cluster[\s\S]*){2}/);

  writeFileSync(ca, 'broken');
  await relay.seen(/"reason":"--cluster-ca [^\n]*files of --cluster not renewed; the one before holds/);
  await server.kill();
  await server.start();
  await relay.seen(/(joined the cluster[\s\S]*){3}/);
});

const credsOf = (jwt: string): string =>
  [
    '-----BEGIN NATS USER JWT-----',
    jwt,
    '------END NATS USER JWT------',
    '-----BEGIN USER NKEY SEED-----',
    new TextDecoder().decode(createUser().getSeed()),
    '------END USER NKEY SEED------',
    '',
  ].join('\n');

test('credentials are those of the file as it was last read whole', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-creds-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const clusterCreds = join(folder, 'relay.creds');
  const config = { clusterCa: '', clusterCert: '', clusterKey: '', clusterCreds };
  writeFileSync(clusterCreds, credsOf('first'));
  const files = new NatsFiles(config);
  const { authenticator } = files;
  if (typeof authenticator !== 'function') throw new Error('one authenticator');
  const jwt = (): unknown => (authenticator('nonce') as { jwt?: string }).jwt;
  assert.equal(jwt(), 'first');
  assert.equal(files.renew(), false);
  writeFileSync(clusterCreds, 'half of');
  assert.throws(() => files.renew(), FanwireError);
  assert.equal(jwt(), 'first');
  writeFileSync(clusterCreds, credsOf('second'));
  assert.equal(files.renew(), true);
  assert.equal(jwt(), 'second');
});

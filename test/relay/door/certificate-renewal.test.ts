// Certificates that are replaced while a relay runs: newcomers get the new one, and whoever is in stays in and hears
// everybody.
import assert from 'node:assert/strict';
import { copyFileSync, renameSync, writeFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { connect } from 'node:tls';
import { certificate } from '../../support/certificate.js';
import { parseExposition } from '../../support/exposition.js';
import { type ServeProcess, serve } from '../../support/fanwire-process.js';
import { SocketClient } from '../../support/socket-client.js';

interface Files {
  readonly cert: string;
  readonly key: string;
}

/** Puts another certificate where the relay reads its own, as certbot does: by renames. */
function replace(t: TestContext, files: Files): void {
  const fresh = certificate(t);
  for (const name of ['cert', 'key'] as const) {
    copyFileSync(fresh[name], `${files[name]}.new`);
    renameSync(`${files[name]}.new`, files[name]);
  }
}

/** The serial number of the certificate that a newcomer is shown, by name or by address alone. */
function serialAt(port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

const join = (t: TestContext, relay: ServeProcess, topic = 'news'): Promise<SocketClient> =>
  SocketClient.open(t, relay.url(topic).replace('ws:', 'wss:'), { rejectUnauthorized: false });

/** Everybody says `count` messages of `bytes` and hears those of all others, each in order and once. */
async function allHearAll(clients: readonly SocketClient[], count: number, bytes: number): Promise<void> {
  const before = clients.map((client) => client.received.length);
  clients.forEach(({ socket }, from) => {
    for (let n = 0; n < count; n++) socket.send(`${from}:${n}:`.padEnd(bytes, 'x'));
  });
  await Promise.all(clients.map((client, i) => client.count((before[i] as number) + count * (clients.length - 1))));
  clients.forEach((client, i) => {
    const heard = client.texts.slice(before[i]).map((text) => text.split(':').slice(0, 2).join(':'));
    for (let from = 0; from < clients.length; from++) {
      const expected = from === i ? [] : Array.from({ length: count }, (_, n) => `${from}:${n}`);
      assert.deepEqual(
        heard.filter((text) => text.startsWith(`${from}:`)),
        expected,
      );
    }
  });
}

for (const workers of ['1', '2']) {
  test(`after SIGHUP newcomers get the new certificate, open sockets stay, and all hear all (--workers ${workers})`, async (t) => {
    const files = certificate(t);
    const relay = await serve(t, ['--tls-cert', files.cert, '--tls-key', files.key, '--workers', workers]);
    const names = ['localhost', ''];
    const serials = () => Promise.all(names.map((name) => serialAt(relay.port, name)));
    const first = await serials();
    const clients = [await join(t, relay), await join(t, relay)];
    const seen = new Set(first);
    for (const round of [1, 2]) {
      replace(t, files);
      const renewed = relay.seen(new RegExp(`(certificate renewed[^]*){${round}}`));
      relay.child.kill('SIGHUP');
      await renewed;
      const now = await serials();
      assert.equal(new Set(now).size, 1, 'by name and by address');
      assert.ok(!seen.has(now[0] as string), 'not one that was there before');
      seen.add(now[0] as string);
      clients.push(await join(t, relay), await join(t, relay));
    }
    // Directly, queued and batched; small ones and such as pass the cork by.
    await allHearAll(clients, 3, 20);
    await allHearAll(clients, 200, 50);
    await allHearAll(clients, 5, 20_000);
    const before = clients.map(({ received }) => received.length);
    const { status, body } = await postOverTls(relay, 'by HTTP');
    assert.equal(status, 202);
    assert.equal(JSON.parse(body).subscribers, clients.length);
    await Promise.all(clients.map((client, i) => client.count((before[i] as number) + 1)));

    // Those of the first certificate leave, and with them its App; the others go on.
    for (const client of clients.splice(0, 2)) client.socket.terminate();
    await allHearAll(clients, 50, 100);
    relay.child.kill('SIGTERM');
    const codes = await Promise.all(clients.map(async (client) => (await client.closed).code));
    assert.deepEqual(new Set(codes), new Set([1012]));
    assert.deepEqual(await relay.exited, { code: 0, signal: null });
    assert.equal(relay.stderr(), '');
  });
}

test('a certificate that changes is read by itself; one that is broken changes nothing, and the log says why', async (t) => {
  const files = certificate(t);
  const relay = await serve(t, ['--tls-cert', files.cert, '--tls-key', files.key]);
  const first = await serialAt(relay.port, 'localhost');
  const client = await join(t, relay);
  writeFileSync(files.cert, 'broken');
  await relay.seen(
    /"reason":"--tls-cert [^\n]*holds no PEM certificate[^\n]*certificate not renewed; the one before holds/,
  );
  assert.equal(await serialAt(relay.port, 'localhost'), first);
  replace(t, files);
  await relay.seen(/"expiresAt":[^\n]*"msg":"certificate renewed/);
  assert.notEqual(await serialAt(relay.port, 'localhost'), first);
  // A certificate with another's key.
  copyFileSync(certificate(t).cert, files.cert);
  await relay.seen(/is not the key of/);
  await client.handled();
});

test('one that has ended is not taken in place of one that has not, and a start with one is a warning', async (t) => {
  const files = certificate(t);
  const relay = await serve(t, ['--tls-cert', files.cert, '--tls-key', files.key]);
  const first = await serialAt(relay.port, 'localhost');
  const old = certificate(t, -60_000);
  copyFileSync(old.cert, files.cert);
  copyFileSync(old.key, files.key);
  relay.child.kill('SIGHUP');
  await relay.seen(/ended on [^\n]*certificate not renewed; the one before holds/);
  assert.equal(await serialAt(relay.port, 'localhost'), first);
  const late = await serve(t, ['--tls-cert', old.cert, '--tls-key', old.key]);
  assert.match(late.stdout(), /"level":"warn"[^\n]*the certificate has ended/);
});

test('/metrics and /stats say how long the certificate is good', async (t) => {
  const { cert, key } = certificate(t);
  const relay = await serve(t, ['--tls-cert', cert, '--tls-key', key]);
  const at = `http://127.0.0.1:${relay.adminPort}`;
  const { values } = parseExposition(await (await fetch(`${at}/metrics`)).text());
  const seconds = values.get('fanwire_tls_expiry_seconds') as number;
  assert.ok(seconds > 82_000 && seconds <= 86_400, `${seconds} s of a day`);
  const stats = (await (await fetch(`${at}/stats`)).json()) as { relay: { tlsExpiresAt: string } };
  assert.ok(Math.abs((Date.parse(stats.relay.tlsExpiresAt) - Date.now()) / 1000 - seconds) < 60);
});

async function postOverTls(relay: ServeProcess, body: string): Promise<{ status: number | undefined; body: string }> {
  const { request } = await import('node:https');
  return new Promise((resolve, reject) => {
    const options = {
      port: relay.port,
      host: '127.0.0.1',
      path: '/publish/news',
      method: 'POST',
      agent: false as const,
    };
    const sent = request({ ...options, rejectUnauthorized: false }, async (answer) => {
      const text = Buffer.concat(await answer.toArray()).toString();
      resolve({ status: answer.statusCode, body: text });
    });
    sent.on('error', reject).end(body);
  });
}

// Authentication at the relay's door and after: real sockets, real tokens, and clients that leave at the worst moment.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { closeCode, nextText, open, refusalOf, startLocalRelay, until } from '../../support/local-relay.js';

const SECRET = 'a secret of more than thirty-two bytes';
const BY_SECRET = { auth: 'jwt', jwtSecret: SECRET, jwtClockSkewS: 0 } as const;
const ALL = { sub: ['*'], pub: ['*'] };

function sign(payload: JWTPayload): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(SECRET));
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

test('a token is taken from header, query and subprotocol list, up to 8 KiB, and messages flow', {
  timeout: 60_000,
}, async (t) => {
  const { url } = await startLocalRelay(t, BY_SECRET);
  const token = await sign({ fanwire: ALL });
  const big = await sign({ fanwire: ALL, pad: 'x'.repeat(5500) });
  const sockets = await Promise.all([
    open(`${url}/room`, bearer(token)),
    open(`${url}/room?token=${token}`),
    open(`${url}/room`, {}, ['fanwire.raw', `fanwire.token.${token}`]),
    open(`${url}/room`, {}, [`fanwire.token.${token}`]),
    open(`${url}/room`, bearer(big)),
  ]);
  const [first, ...others] = sockets;
  assert.equal(sockets[2]?.protocol, 'fanwire.raw');
  const heard = Promise.all(others.map(nextText));
  first?.send('hello');
  assert.deepEqual(await heard, Array(4).fill('hello'));
});

test('upgrades without a good token or permission are refused as JSON, and no token reaches log or answer', {
  timeout: 60_000,
}, async (t) => {
  const { url, log, relay } = await startLocalRelay(t, { ...BY_SECRET, origins: ['https://app.example.com'] });
  const token = await sign({ sub: 'alice', fanwire: { sub: ['room:*'] } });
  const expired = await sign({ exp: 1, fanwire: ALL });
  const cases: [string, Parameters<typeof refusalOf>[1], number, string][] = [
    ['/room:1', {}, 401, 'FANWIRE_TOKEN_MISSING'],
    ['/room:1', bearer('not.a.jwt'), 401, 'FANWIRE_TOKEN_MALFORMED'],
    [`/room:1?token=${expired}`, {}, 401, 'FANWIRE_TOKEN_EXPIRED'],
    ['/lobby', bearer(token), 403, 'FANWIRE_SUBSCRIBE_FORBIDDEN'],
    ['/room:1', { ...bearer(token), origin: 'https://evil.example' }, 403, 'FANWIRE_ORIGIN_FORBIDDEN'],
    ['/%00', bearer(token), 400, 'FANWIRE_TOPIC_NAME'],
  ];
  for (const [path, options, status, code] of cases) {
    const refused = await refusalOf(url + path, options);
    assert.deepEqual([refused.status, refused.code], [status, code], path);
    assert.equal(refused.headers['content-type'], 'application/json');
    assert.equal('www-authenticate' in refused.headers, status === 401);
    assert.ok(!refused.body.includes(token) && !refused.body.includes(expired));
    assert.equal(relay.counters.refused.get(code), 1);
  }
  const allowed = await open(`${url}/room:1`, { ...bearer(token), origin: 'https://app.example.com' });
  allowed.close();
  for (const secret of [token, expired, 'not.a.jwt', SECRET]) assert.ok(!log().includes(secret));
});

test('a raw socket is closed with 4401 when its token expires, and others stay', { timeout: 60_000 }, async (t) => {
  const { url, relay } = await startLocalRelay(t, BY_SECRET);
  const exp = Math.floor(Date.now() / 1000) + 4;
  const lasting = await open(`${url}/room`, bearer(await sign({ fanwire: ALL })));
  const expiring = await Promise.all(
    Array.from({ length: 20 }, async () => open(`${url}/room`, bearer(await sign({ exp, fanwire: ALL })))),
  );
  const gone = expiring.pop();
  gone?.close();
  assert.deepEqual(new Set(await Promise.all(expiring.map(closeCode))), new Set([4401]));
  assert.ok(Date.now() >= exp * 1000, 'closed too early');
  assert.equal(relay.counters.cut.expired, 19);
  assert.equal(lasting.readyState, lasting.OPEN);
});

test('a socket that publishes without permission is closed with 4403, and nobody hears it', {
  timeout: 60_000,
}, async (t) => {
  const { url, relay } = await startLocalRelay(t, BY_SECRET);
  const reader = await open(`${url}/room`, bearer(await sign({ fanwire: { sub: ['room'] } })));
  const writer = await open(`${url}/room`, bearer(await sign({ fanwire: { sub: ['room'], pub: ['room'] } })));
  const bystander = await open(`${url}/room`, bearer(await sign({ fanwire: { sub: ['room'] } })));
  const heard: string[] = [];
  bystander.on('message', (message) => heard.push(String(message)));
  reader.send('not mine to send');
  assert.equal(await closeCode(reader), 4403);
  writer.send('mine');
  await until(() => heard.length > 0);
  assert.deepEqual(heard, ['mine']);
  assert.deepEqual([relay.counters.rejected.forbidden, relay.counters.cut.forbidden], [1, 1]);
});

/** An issuer whose JWKS answers only when the test says so. */
async function slowIssuer(t: TestContext) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const body = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] });
  const waiting: ServerResponse[] = [];
  const server = createServer((_request, response) => waiting.push(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const token = await new SignJWT({ fanwire: ALL }).setProtectedHeader({ alg: 'ES256', kid: 'k' }).sign(privateKey);
  return {
    jwks: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    token,
    waiting,
    answer: () => waiting.splice(0).forEach((response) => void response.end(body)),
  };
}

test('clients that leave while their token is being verified cost nothing, and those that stay come in', {
  timeout: 60_000,
}, async (t) => {
  const issuer = await slowIssuer(t);
  const { url, relay } = await startLocalRelay(t, { auth: 'jwt', jwtJwks: issuer.jwks, maxConnections: 60 });
  const upgrade = (path: string) =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
    `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer ${issuer.token}\r\n\r\n`;
  const leaving = Array.from({ length: 50 }, (_, index) => {
    const socket = connect(relay.port, '127.0.0.1');
    socket.write(upgrade(`/leaving${index}`));
    return socket;
  });
  const staying = Array.from({ length: 10 }, () => open(`${url}/room`, bearer(issuer.token)));
  await until(() => issuer.waiting.length === 1 && relay.admission.connections === 60);
  assert.equal((await refusalOf(`${url}/room`, bearer(issuer.token))).code, 'FANWIRE_MAX_CONNECTIONS');
  leaving.forEach((socket, index) => void (index % 2 === 0 ? socket.destroy() : socket.resetAndDestroy()));
  await until(() => relay.admission.connections === 10);
  issuer.answer();
  const sockets = await Promise.all(staying);
  assert.equal(relay.connections.size, 10);
  assert.equal(relay.topics.size, 1);
  for (const socket of sockets) socket.terminate();
  await until(() => relay.admission.connections === 0);
});

test('a client whose token is being verified when the relay starts to drain is told to go elsewhere', {
  timeout: 60_000,
}, async (t) => {
  const issuer = await slowIssuer(t);
  const { url, relay } = await startLocalRelay(t, { auth: 'jwt', jwtJwks: issuer.jwks, drainMs: 0 });
  const refused = refusalOf(`${url}/room`, bearer(issuer.token));
  await until(() => issuer.waiting.length === 1 && relay.admission.connections === 1);
  await relay.drain();
  issuer.answer();
  const { status, code, headers } = await refused;
  assert.deepEqual([status, code], [503, 'FANWIRE_DRAINING']);
  assert.ok(Number(headers['retry-after']) > 0);
});

test('reload closes the sockets of a removed token with 4401 and leaves the others', { timeout: 60_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'fanwire-reload-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const tokensFile = join(dir, 'tokens.json');
  const entries = ['alice', 'bob'].map((user) => ({ token: `${user}-0123456789abcdef`, user, sub: ['*'] }));
  writeFileSync(tokensFile, JSON.stringify({ tokens: entries }));
  const { url, relay } = await startLocalRelay(t, { auth: 'static', tokensFile });
  const [alice, bob] = await Promise.all(entries.map(({ token }) => open(`${url}/room`, bearer(token))));
  writeFileSync(tokensFile, JSON.stringify({ tokens: entries.slice(0, 1) }));
  const closed = closeCode(bob as NonNullable<typeof bob>);
  await relay.reload();
  assert.equal(await closed, 4401);
  assert.equal(alice?.readyState, alice?.OPEN);
  assert.equal((await refusalOf(`${url}/room`, bearer(entries[1]?.token ?? ''))).code, 'FANWIRE_TOKEN_UNKNOWN');
});

test('an upgrade after an await cuts no socket, and one that says Connection: close is refused', {
  timeout: 60_000,
}, async (t) => {
  const { url, relay } = await startLocalRelay(t, BY_SECRET);
  const token = await sign({ fanwire: ALL });
  const sockets = [];
  for (let round = 0; round < 20; round++) {
    const opening = Array.from({ length: 25 }, (_, i) =>
      open(`${url}/room${i % 2 === 0 ? '' : `?token=${token}`}`, i % 2 === 0 ? bearer(token) : {}),
    );
    sockets.push(...(await Promise.all(opening)));
  }
  for (const socket of sockets) {
    socket.ping();
    await once(socket, 'pong');
  }
  assert.deepEqual([relay.connections.size, relay.counters.closed], [500, 0]);

  const closing = connect(relay.port, '127.0.0.1');
  t.after(() => closing.destroy());
  closing.write(
    'GET /room HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  const [answer] = (await once(closing, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 400 [\s\S]*FANWIRE_WS_CONNECTION/);
});

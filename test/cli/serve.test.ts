// `fanwire serve` as a process: help, configuration, the port, signals.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { groups, options } from '../../src/config/schema.js';
import { fanwire, nodeProcess, runFanwire, serve } from '../support/fanwire-process.js';
import { SocketClient } from '../support/socket-client.js';

test('--help lists every option under its heading, with its default and what zero means', async (t) => {
  const { code, stdout } = await runFanwire(t, ['serve', '--help']);
  assert.equal(code, 0);
  for (const { title } of groups) assert.match(stdout, new RegExp(`^${title}:$`, 'm'));
  const entries = stdout.replace(/\n {20,}/g, ' ').split('\n');
  for (const { flag, default: initial, zero, unit } of Object.values(options)) {
    const entry = entries.find((line) => line.trimStart().startsWith(`--${flag} `));
    assert.ok(entry, `--${flag} is in --help`);
    if (typeof initial === 'number' && unit !== 'bytes') assert.ok(entry.includes(`default ${initial}`), entry);
    if (zero !== undefined) assert.ok(entry.includes(`0 = ${zero}`), entry);
  }
});

test('what --print-config prints is a --config file that gives the same configuration', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-serve-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'fanwire.json');
  const env = { FANWIRE_MAX_CONNECTIONS: '200000', FANWIRE_PORT: '1' };
  const first = await runFanwire(t, ['serve', '--print-config', '--port', '2', '--max-payload', '1m'], { env });
  const { port, maxConnections, maxPayloadBytes } = JSON.parse(first.stdout);
  assert.deepEqual(
    { port, maxConnections, maxPayloadBytes },
    { port: 2, maxConnections: 200_000, maxPayloadBytes: 1 << 20 },
  );
  writeFileSync(file, first.stdout);
  const second = await runFanwire(t, ['serve', '--print-config', '--config', file]);
  assert.equal(second.stdout, first.stdout);
});

test('a mistyped flag, value or variable is one line with its mend, and exit code 2', async (t) => {
  const flag = await runFanwire(t, ['serve', '--max-paylod', '5']);
  assert.match(
    flag.stderr,
    /^fanwire: unknown option '--max-paylod' \(Did you mean --max-payload\?\) \[FANWIRE_USAGE\]\n$/,
  );
  const value = await runFanwire(t, ['serve', '--log-level', 'loud']);
  assert.match(value.stderr, /^fanwire: --log-level must be one of .*, got "loud" \[FANWIRE_CONFIG_RANGE\]\n$/);
  const variable = await runFanwire(t, ['serve'], { env: { FANWIRE_PROT: '1' } });
  assert.match(
    variable.stderr,
    /^fanwire: unknown variable FANWIRE_PROT; did you mean FANWIRE_PORT\? \[FANWIRE_CONFIG_UNKNOWN\]\n$/,
  );
  assert.deepEqual([flag.code, value.code, variable.code], [2, 2, 2]);
});

test('a port in use is one line that names it, and exit code 1', async (t) => {
  const { port } = await serve(t);
  const second = await runFanwire(t, ['serve', '--port', String(port), '--admin-port', '0']);
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`^fanwire: .*${port}.* in use.*\\n$`));
});

test('the first SIGTERM closes every socket with 1012 and exits 0', async (t) => {
  const relay = await serve(t);
  const sockets = [1, 2, 3].map(() => new WebSocket(relay.url('news')));
  const opened = sockets.map((socket) => new Promise((resolve) => socket.once('open', resolve)));
  const codes = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  await Promise.all(opened);
  relay.child.kill('SIGTERM');
  assert.deepEqual(await Promise.all(codes), [1012, 1012, 1012]);
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
  assert.match(relay.stdout(), /"msg":"drained, bye"/);
});

test('a SIGTERM that comes while the program is still being loaded drains a relay that has just started', async (t) => {
  // Sent at the first moment at which something listens to it; before, it ends any program, unless that is process 1 of
  // a container.
  const early = `const { on } = process; process.on = function (event, ...rest) {
    on.call(this, event, ...rest);
    if (event === 'SIGTERM') { process.on = on; process.kill(process.pid, 'SIGTERM'); }
    return this;
  }`;
  const preload = `--import=data:text/javascript,${encodeURIComponent(early)}`;
  const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
  const relay = nodeProcess(t, [preload, cli, 'serve', '--port', '0', '--admin-port', '0', '--log-format', 'json']);
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
  assert.match(relay.stdout(), /"signal":"SIGTERM","msg":"draining[\s\S]*"msg":"drained, bye"/);
});

test('a second signal does not wait for the drain', async (t) => {
  const relay = await serve(t, ['--drain-ms', '600000']);
  const sockets = [1, 2, 3].map(() => new WebSocket(relay.url('news')));
  for (const socket of sockets) socket.on('error', () => {});
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('open', resolve))));
  relay.child.kill('SIGINT');
  await relay.seen(/"msg":"draining/);
  relay.child.kill('SIGTERM');
  assert.deepEqual(await relay.exited, { code: 143, signal: null });
});

test('one Ctrl+C that arrives twice, as under npm, is one signal; a second one half a second later ends at once', async (t) => {
  const relay = await serve(t, ['--drain-ms', '600000']);
  await Promise.all([1, 2, 3].map(() => SocketClient.open(t, relay.url('news'))));
  relay.child.kill('SIGINT');
  await relay.seen(/"msg":"closing sockets/);
  relay.child.kill('SIGINT');
  // Signals are taken in turn: whoever answers SIGHUP has seen the SIGINT before it.
  relay.child.kill('SIGHUP');
  await relay.seen(/no tokens or keys to read again/);
  assert.doesNotMatch(relay.stdout(), /second signal: exiting/);
  await after(600);
  relay.child.kill('SIGINT');
  assert.deepEqual(await relay.exited, { code: 130, signal: null });
});

test('a Ctrl+C that arrives twice lets the drain finish: every client is told 1012', async (t) => {
  const relay = await serve(t, ['--drain-ms', '500']);
  const clients = await Promise.all(Array.from({ length: 20 }, () => SocketClient.open(t, relay.url('news'))));
  relay.child.kill('SIGINT');
  await relay.seen(/"msg":"closing sockets/);
  relay.child.kill('SIGINT');
  const codes = await Promise.all(clients.map(async (client) => (await client.closed).code));
  assert.deepEqual(codes, Array(20).fill(1012));
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
});

test('the start line carries the effective configuration, without credentials', async (t) => {
  const relay = await serve(t, ['--log-level', 'info'], { FANWIRE_MAX_CONNECTIONS: '1234' });
  const start = JSON.parse(relay.stdout().split('\n')[0] as string);
  assert.equal(start.config.maxConnections, 1234);
  assert.ok(start.set.includes('maxConnections') && !start.set.includes('host'));
});

test('for people the start is where clients connect, the page and a command to try, and each of them works', async (t) => {
  const relay = fanwire(t, ['serve', '--port', '0', '--admin-port', '0', '--log-format', 'pretty']);
  await relay.seen(/Ctrl\+C ends it/);
  const shown = relay.stdout();
  assert.ok(shown.trim().split('\n').length <= 9 && !/INFO|maxPayload/.test(shown), shown);
  const [, url = ''] = /clients +(ws:\S+)\/<topic>/.exec(shown) ?? [];
  const client = await SocketClient.open(t, `${url}/news`);
  const [, page = ''] = /live page +(http:\S+)/.exec(shown) ?? [];
  assert.equal((await fetch(page)).status, 200);
  const [, args = ''] = /npx fanwire (pub .*)/.exec(shown) ?? [];
  const { code, stderr } = await runFanwire(t, args.replaceAll("'", '').split(' '));
  assert.equal(code, 0, stderr);
  await client.count(1);
  assert.deepEqual(client.texts, ['hello']);
  relay.child.kill('SIGINT');
  await relay.seen(/drained, bye/);
});

test('a warning is shown before that, and all lines at level debug: what was set, not every option there is', async (t) => {
  const args = ['serve', '--port', '0', '--admin-port', '0', '--log-format', 'pretty'];
  const warned = fanwire(t, [...args, '--max-connections', '10000000']);
  await warned.seen(/WARN[^\n]*open-file limit/);
  await warned.seen(/Ctrl\+C ends it/);
  const relay = fanwire(t, [...args, '--log-level', 'debug'], { FANWIRE_MAX_CONNECTIONS: '1234' });
  await relay.seen(/admin on http/);
  assert.match(relay.stdout(), /"maxConnections"/);
  assert.doesNotMatch(relay.stdout(), /maxPayloadBytes/);
});

test('in a process of Node’s cluster module, as pm2’s cluster mode makes them, it says what to do instead', async (t) => {
  const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
  const primary = `const { fork, setupPrimary } = require('cluster');
    setupPrimary({ execArgv: [], exec: ${JSON.stringify(cli)}, args: ['serve', '--port', '0', '--admin-port', '0'] });
    fork().on('exit', (code) => process.exit(code));`;
  const started = nodeProcess(t, ['-e', primary]);
  assert.equal((await started.exited).code, 2);
  assert.match(started.stderr(), /^fanwire: .*exec_mode fork.*--workers auto.* \[FANWIRE_CLUSTER_MODE\]\n$/);
});

test('SIGHUP names what has changed in the --config file and waits for a restart, or why none could succeed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-serve-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'fanwire.json');
  const write = (config: object) => writeFileSync(file, JSON.stringify(config));
  write({ deliver: 'prices/*=50ms', history: 'log/*=10,10m,1m', maxConnections: 1000 });
  const relay = await serve(t, ['--config', file, '--max-connections', '2000', '--log-level', 'info']);
  // A flag wins over the file before and after.
  write({ deliver: 'prices/*=100ms', history: 'log/*=10,10m,1m', maxConnections: 3000 });
  relay.child.kill('SIGHUP');
  const [line] = await relay.seen(/.*a restart is needed.*/);
  assert.deepEqual(JSON.parse(line).changed, ['deliver']);
  write({ deliver: 'prices/*=sometimes' });
  relay.child.kill('SIGHUP');
  await relay.seen(/"reason":"[^\n]*sometimes[^\n]*could not be started again/);
  relay.child.kill('SIGTERM');
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
  assert.equal(relay.stdout().split('a restart is needed').length, 2);
});

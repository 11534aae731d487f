// The Kubernetes Deployment and the pm2 file of docs/ops: the relay takes what they set, and they wait as long as its
// end takes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { listeningPort, nodeProcess, runFanwire } from '../support/fanwire-process.js';
import { SocketClient } from '../support/socket-client.js';

const OPS = fileURLToPath(new URL('../../../docs/ops/', import.meta.url));
/** What clients may take to close their side after the last was told. */
const LINGER_MS = 3000;

async function configOf(t: TestContext, env: Record<string, string>, args: string[] = []) {
  const { code, stdout, stderr } = await runFanwire(t, ['serve', '--print-config', ...args], { env });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as { drainMs: number; drainDelayMs: number; port: number; adminPort: number; host: string };
}

test('the Deployment sets variables that the relay takes, asks routes that it has, and grants the time its end takes', async (t) => {
  const text = readFileSync(`${OPS}kubernetes.yaml`, 'utf8').replace(/#.*$/gm, '');
  const pairs = [...text.matchAll(/name: (FANWIRE_\w+), value: '?([^'}]*?)'? }/g)].map(([, name, value]) => [
    name,
    value,
  ]);
  const env = Object.fromEntries(pairs) as Record<string, string>;
  assert.ok(Object.keys(env).length >= 6, text);
  const config = await configOf(t, env);
  const graceMs = Number(/terminationGracePeriodSeconds: (\d+)/.exec(text)?.[1]) * 1000;
  const endMs = config.drainDelayMs + config.drainMs + LINGER_MS;
  assert.ok(graceMs >= endMs + 5000, `${graceMs} ms of grace for an end of ${endMs} ms`);
  assert.doesNotMatch(text, /preStop/);
  assert.match(text, new RegExp(`name: clients, containerPort: ${config.port} }`));
  assert.match(text, new RegExp(`name: admin, containerPort: ${config.adminPort} }`));
  assert.match(text, /livenessProbe:\s+httpGet: { path: \/healthz, port: admin }/);
  assert.match(text, /readinessProbe:\s+httpGet: { path: \/readyz, port: admin }/);
  // Until the readiness probe has failed and been heard of, newcomers are still sent here.
  const probeMs = Number(/readinessProbe:[\s\S]*?periodSeconds: (\d+)/.exec(text)?.[1]) * 1000;
  assert.ok(config.drainDelayMs >= 2 * probeMs);
});

test('pm2 starts one process that is no cluster worker, waits for its word, and kills later than its end takes', async (t) => {
  const { apps } = createRequire(import.meta.url)(`${OPS}pm2.config.cjs`) as { apps: [Record<string, unknown>] };
  const [{ script, args, exec_mode, instances, wait_ready, kill_timeout, env, stop_exit_codes }] = apps;
  assert.deepEqual([exec_mode, instances, wait_ready], ['fork', 1, true]);
  assert.deepEqual(stop_exit_codes, [2]);
  const { FANWIRE_LOG_FORMAT, FANWIRE_DRAIN_MS } = env as Record<string, string>;
  const config = await configOf(t, { FANWIRE_LOG_FORMAT, FANWIRE_DRAIN_MS } as Record<string, string>);
  assert.ok((kill_timeout as number) >= config.drainMs + LINGER_MS + 5000);
  assert.equal(script, 'dist/src/cli.js');
  assert.match(args as string, /^serve( |$)/);

  // As pm2 does it: by fork, with a channel for the word, and SIGINT for the end.
  const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
  const parent = nodeProcess(t, [
    '-e',
    `const relay = require('child_process').fork(${JSON.stringify(cli)}, ['serve', '--port', '0', '--admin-port', '0', '--log-format', 'json']);
     relay.on('message', (word) => console.log('word:', word));
     relay.on('exit', (code) => { console.log('exit:', code); process.exit(); });
     process.stdin.on('data', () => relay.kill('SIGINT'));`,
  ]);
  const port = await listeningPort(parent);
  await parent.seen(/word: ready/);
  const client = await SocketClient.open(t, `ws://127.0.0.1:${port}/news`);
  parent.child.stdin.write('end\n');
  assert.equal((await client.closed).code, 1012);
  await parent.seen(/exit: 0/);
});

// The systemd unit: systemd understands every line, and it gives a drain the time it takes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runFanwire, serve } from '../support/fanwire-process.js';
import { needs } from '../support/needs.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const UNIT = join(ROOT, 'docs/ops/fanwire.service');

/** The values of one setting, in the order of the file. */
function setting(name: string): string[] {
  return readFileSync(UNIT, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));
}

const verified = needs('systemd-analyze');

test('systemd-analyze finds nothing wrong with the unit', verified, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-unit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'fanwire.service');
  writeFileSync(path, readFileSync(UNIT));
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
  const own = (stdout + stderr).split('\n').filter((line) => line.includes('fanwire.service'));
  assert.deepEqual(own, []);
  assert.equal(status, 0, stdout + stderr);
});

test('a mistake in the configuration is not started again and again, and lines in the journal have a name', () => {
  assert.deepEqual(setting('RestartPreventExitStatus'), ['2']);
  assert.deepEqual(setting('SyslogIdentifier'), ['fanwire']);
});

test('a reload sends SIGHUP with nothing but a shell: a slim system has no kill program', async (t) => {
  const relay = await serve(t);
  const [, command = ''] = /^\/bin\/sh -c '(.*)'$/.exec(setting('ExecReload')[0] ?? '') ?? [];
  const env = { PATH: '/nowhere', MAINPID: String(relay.child.pid) };
  assert.equal(spawnSync('/bin/sh', ['-c', command], { env }).status, 0);
  await relay.seen(/no tokens or keys to read again/);
});

test('nothing tells people to install a package by a name that no registry has', () => {
  const told = [
    'README.md',
    ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((file) => `docs/${file}`),
  ];
  for (const file of told.filter((name) => /\.(md|service|conf|cfg)$|Dockerfile$/.test(name))) {
    assert.doesNotMatch(readFileSync(join(ROOT, file), 'utf8'), /npm (i|install|add)( -\S+)* fanwire\b(?!-)/, file);
  }
});

test('the unit starts a relay with variables it knows, and waits longer than its drain takes', async (t) => {
  const variables = Object.fromEntries(
    setting('Environment')
      .flatMap((line) => line.split(' '))
      .map((pair) => pair.split('=') as [string, string]),
  );
  const { code, stdout, stderr } = await runFanwire(t, ['serve', '--print-config'], { env: variables });
  assert.equal(code, 0, stderr);
  const config = JSON.parse(stdout);
  assert.equal(config.drainMs, Number(variables.FANWIRE_DRAIN_MS));
  assert.ok(Number(setting('TimeoutStopSec')[0]) * 1000 >= config.drainMs + 10_000);
});

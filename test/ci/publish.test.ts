// The workflow that publishes a release: what it checks, and what it tells npm.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const WORKFLOWS = join(ROOT, '.github/workflows');

test('the publish workflow publishes only what a release names, with provenance, and its last step holds dry', (t) => {
  const workflow = readFileSync(join(WORKFLOWS, 'publish.yml'), 'utf8');
  const check = /run: (test "\$TAG".*)$/m.exec(workflow)?.[1];
  const publish = /run: \|\n((?: {10}.*\n)+)/.exec(workflow)?.[1]?.replace(/^ {10}/gm, '');
  // What is published, in a copy: the step writes into it.
  const copy = mkdtempSync(join(tmpdir(), 'fanwire-publish-'));
  t.after(() => rmSync(copy, { recursive: true }));
  for (const path of ['package.json', 'README.md', 'LICENSE', 'dist/src', 'dist/cjs', 'dist/client-package']) {
    cpSync(join(ROOT, path), join(copy, path), { recursive: true });
  }
  const sh = (script: string | undefined, env: Record<string, string>) =>
    spawnSync('bash', ['-eo', 'pipefail', '-c', script ?? 'exit 9'], {
      cwd: copy,
      encoding: 'utf8',
      env: { ...process.env, GITHUB_REPOSITORY: 'someone/fanwire', ...env },
    });
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  assert.equal(sh(check, { TAG: `v${version}` }).status, 0);
  assert.equal(sh(check, { TAG: 'v99.0.0' }).status, 1);
  // What npm is told, for a release and by hand; npm itself is asked for the dry one, which needs no registry.
  const told = (dry: string) => sh(`npm() { echo "$@"; }; ${publish}`, { DRY_RUN: dry }).stdout.trim().split('\n');
  const named = [
    'pkg set repository.type=git repository.url=git+https://github.com/someone/fanwire.git',
    'pkg delete scripts.prepare',
  ];
  const asked = (provenance: boolean, dry: boolean) =>
    `publish --ignore-scripts --access public --provenance=${provenance} --dry-run=${dry}`;
  assert.deepEqual(told('false'), [...named, asked(true, false), ...named, asked(true, false)]);
  assert.deepEqual(told('true'), [...named, asked(false, true), ...named, asked(false, true)]);
  const dry = sh(publish, { DRY_RUN: 'true', npm_config_offline: 'true' });
  assert.equal(dry.status, 0, dry.stderr);
  for (const name of ['fanwire', 'fanwire-client']) {
    assert.match(dry.stdout + dry.stderr, new RegExp(`${name}@${version}`.replaceAll('.', '\\.')));
  }
  assert.match(readFileSync(join(copy, 'package.json'), 'utf8'), /someone\/fanwire\.git/);
});

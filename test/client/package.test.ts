// The packages as they are packed: what tools that check packages say of them, and programs of several kinds that take
// the client from them.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makePackable } from '../support/packable-folder.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BIN = join(ROOT, 'node_modules/.bin');

/** Packs a folder, and unpacks it as `node_modules/<name>` of an empty project. */
function packed(t: TestContext, folder: string, name: string): { tarball: string; project: string } {
  const project = mkdtempSync(join(tmpdir(), 'fanwire-package-'));
  t.after(() => rmSync(project, { recursive: true, force: true }));
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', project];
  const env = { ...process.env, npm_config_cache: join(project, '.npm') };
  const cwd = join(project, 'package');
  makePackable(folder, cwd);
  const tarball = join(project, execFileSync('npm', pack, { cwd, encoding: 'utf8', env }).trim());
  const into = join(project, 'node_modules', name);
  mkdirSync(into, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', into, '--strip-components=1']);
  return { tarball, project };
}

function run(project: string, file: string, text: string): string {
  writeFileSync(join(project, file), text);
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { cwd: project, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

for (const [name, folder, entry] of [
  ['fanwire', ROOT, 'fanwire/client'],
  ['fanwire-client', join(ROOT, 'dist/client-package'), 'fanwire-client'],
] as const) {
  test(`${name} gives its client to CommonJS, ES modules and every way TypeScript resolves types`, (t) => {
    const { tarball, project } = packed(t, folder, name);
    const use = `if (typeof FanwireClient !== 'function') throw new Error('no class'); console.log('there');`;
    assert.equal(run(project, 'a.cjs', `const { FanwireClient } = require('${entry}'); ${use}`), 'there');
    assert.equal(run(project, 'b.mjs', `import { FanwireClient } from '${entry}'; ${use}`), 'there');
    const only = name === 'fanwire' ? ['--entrypoints', '.', 'client'] : [];
    const attw = spawnSync(join(BIN, 'attw'), [tarball, '--no-color', ...only], { encoding: 'utf8' });
    assert.equal(attw.status, 0, attw.stdout + attw.stderr);
    const publint = spawnSync(join(BIN, 'publint'), [join(project, 'node_modules', name), '--strict', '--pack=false'], {
      encoding: 'utf8',
    });
    assert.equal(publint.status, 0, publint.stdout + publint.stderr);
  });
}

test("require('fanwire') has what the ES module has, and knows its errors", (t) => {
  const { project } = packed(t, ROOT, 'fanwire');
  const text = `const { FanwireError, startRelay } = require('fanwire');
const error = Object.assign(new Error('x'), { name: 'FanwireError' });
console.log(error instanceof FanwireError, new Error('y') instanceof FanwireError, typeof startRelay);`;
  assert.equal(run(project, 'a.cjs', text), 'true false function');
});

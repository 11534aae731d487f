// The package as it would be published: what is in it, and that a program which installed it starts a relay with types.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makePackable } from '../support/packable-folder.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

const folder = mkdtempSync(join(tmpdir(), 'fanwire-packed-'));
let packed: Packed;

// What is built, once; scripts do not run, since others read `dist` meanwhile.
before(() => {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const env = { ...process.env, npm_config_cache: join(folder, '.npm') }; // a home folder may be read-only
  const cwd = join(folder, 'package');
  makePackable(ROOT, cwd);
  [packed] = JSON.parse(execFileSync('npm', args, { cwd, encoding: 'utf8', env })) as [Packed];
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Lays the package out as npm installs it, beside the dependencies that are here already. */
function installed(): string {
  const program = mkdtempSync(join(folder, 'program-'));
  const target = join(program, 'node_modules/fanwire');
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, packed.filename), '-C', target, '--strip-components=1']);
  const { dependencies } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), '@types/node']) {
    const link = join(program, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link);
  }
  writeFileSync(join(program, 'package.json'), '{"type":"module"}');
  return program;
}

test('a program that installed the packed file starts a relay, and the command runs', () => {
  const program = installed();
  writeFileSync(
    join(program, 'main.js'),
    `import { startRelay, FanwireError } from 'fanwire';
     const relay = await startRelay({ adminPort: 0 });
     const page = await fetch(relay.adminUrl);
     const published = await fetch(relay.url.replace('ws:', 'http:') + '/publish/news', { method: 'POST', body: 'x' });
     await relay.stop();
     const refused = await startRelay({ port: -1 }).catch((error) => error instanceof FanwireError && error.code);
     console.log(page.status, published.status, refused);`,
  );
  const ran = spawnSync(process.execPath, ['main.js'], { cwd: program, encoding: 'utf8' });
  assert.equal(ran.stdout, '200 202 FANWIRE_CONFIG_RANGE\n', ran.stderr);
  const cli = join(program, 'node_modules/fanwire/dist/src/cli.js');
  const help = spawnSync(process.execPath, [cli, '--help'], { encoding: 'utf8' });
  for (const command of ['serve', 'pub', 'sub']) assert.match(help.stdout, new RegExp(`^ *${command} `, 'm'));
});

test('the first example of docs/embedding.md runs as it is printed, and does what it says', () => {
  const program = installed();
  const [, example] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/embedding.md'), 'utf8')) ?? [];
  writeFileSync(join(program, 'example.js'), example as string);
  const ran = spawnSync(process.execPath, ['example.js'], { cwd: program, encoding: 'utf8', timeout: 60_000 });
  assert.equal(ran.stdout, '1\n1\n', ran.stderr);
  assert.equal(ran.status, 0);
});

test('its types hold for a strict program, and refuse an option that is none', () => {
  const program = installed();
  writeFileSync(
    join(program, 'main.ts'),
    `import { startRelay, type RelayOptions, type RunningRelay, FanwireError } from 'fanwire';
     const options: RelayOptions = { port: 0, history: 'chat/*=10,1m,1m', presence: ['chat/*'], slowConsumer: 'drop' };
     const relay: RunningRelay = await startRelay(options);
     const sent: number = await relay.publish('news', new Uint8Array(1));
     const admin: string | undefined = relay.adminUrl;
     const { connections }: { connections: number } = await relay.stats();
     await relay.stop({ drainMs: 100 });
     // @ts-expect-error: no such option
     await startRelay({ prot: 1 });
     // @ts-expect-error: no such choice
     await startRelay({ slowConsumer: 'ignore' });
     const code: string = new FanwireError('FANWIRE_START', '').code;
     console.log(sent, admin, connections, code);`,
  );
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: 'nodenext',
    target: 'es2022',
    noEmit: true,
  };
  writeFileSync(
    join(program, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, types: ['node'] } }),
  );
  const checked = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', program], { encoding: 'utf8' });
  assert.equal(checked.stdout, '');
  assert.equal(checked.status, 0);
});

test('the package holds what it runs on and its documentation, no tests and nothing of the workplace', () => {
  const paths = packed.files.map(({ path }) => path);
  for (const wanted of [
    'dist/src/index.js',
    'dist/src/index.d.ts',
    'dist/src/cli.js',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
  ]) {
    assert.ok(paths.includes(wanted), wanted);
  }
  for (const page of readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))) {
    assert.ok(paths.includes(`docs/${page}`), page);
  }
  assert.deepEqual(
    paths.filter((path) => /(^|\/)(test|\.cache|\.github|node_modules)\/|tsbuildinfo|\.env/.test(path)),
    [],
  );
});

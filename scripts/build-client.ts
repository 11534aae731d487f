// The client library for those who cannot import an ES module, or who want nothing else of fanwire: after tsc, part of
// `npm run build`.
//
//   dist/cjs              CommonJS: the client, and a door to the rest of the package, with types
//   dist/client-package   the package fanwire-client, ready for `npm pack`: both forms of the client, and nothing else
//   dist/client.js        one ES module, minified: for browsers' bundlers, and for a <script>, which has it from the
//                         admin listener
//
// Members whose names begin with `_` are the client's own: their names are shortened.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, buildSync } from 'esbuild';
import { minify } from 'terser';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DIST = join(ROOT, 'dist');
const ENTRY = join(DIST, 'src/client/index.js');
const SHARED: BuildOptions = {
  entryPoints: [ENTRY],
  bundle: true,
  target: 'es2022',
  legalComments: 'none',
  logLevel: 'warning',
};

/** The declarations that an entry needs, itself included, by the relative imports in them. */
function declarationsOf(entry: string, known = new Set<string>()): Set<string> {
  if (known.has(entry)) return known;
  known.add(entry);
  for (const [, specifier] of readFileSync(entry, 'utf8').matchAll(/(?:from |import\()['"](\.[^'"]+)\.js['"]/g)) {
    declarationsOf(join(dirname(entry), `${specifier}.d.ts`), known);
  }
  return known;
}

function copyDeclarations(entry: string, into: string): void {
  for (const file of declarationsOf(entry)) cpSync(file, join(into, relative(join(DIST, 'src'), file)));
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** CommonJS. Relays are ES modules, which `require` takes only from Node 22 on: its door imports them when they are
 *  asked for. */
function buildCommonJs(): void {
  const folder = join(DIST, 'cjs');
  rmSync(folder, { recursive: true, force: true });
  buildSync({ ...SHARED, format: 'cjs', outfile: join(folder, 'client/index.js') });
  write(join(folder, 'package.json'), json({ type: 'commonjs' }));
  write(
    join(folder, 'index.js'),
    `'use strict';
// What is an error of fanwire, whichever copy of its class made it.
class FanwireError extends Error {
  static [Symbol.hasInstance](error) {
    return error instanceof Error && error.name === 'FanwireError';
  }
}
module.exports = { FanwireError, startRelay: async (options) => (await import('../src/index.js')).startRelay(options) };
`,
  );
  for (const entry of ['index', 'client/index']) copyDeclarations(join(DIST, `src/${entry}.d.ts`), folder);
}

/** The client as a package of its own, from the same source. */
function buildPackage(): void {
  const folder = join(DIST, 'client-package');
  rmSync(folder, { recursive: true, force: true });
  buildSync({ ...SHARED, format: 'esm', outfile: join(folder, 'esm/client/index.js') });
  buildSync({ ...SHARED, format: 'cjs', outfile: join(folder, 'cjs/client/index.js') });
  const entry = join(DIST, 'src/client/index.d.ts');
  for (const [form, type] of [
    ['esm', 'module'],
    ['cjs', 'commonjs'],
  ] as const) {
    copyDeclarations(entry, join(folder, form));
    write(join(folder, form, 'package.json'), json({ type }));
  }
  const { version, license } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const at = (form: string, more = {}) => ({
    types: `./${form}/client/index.d.ts`,
    ...more,
    default: `./${form}/client/index.js`,
  });
  write(
    join(folder, 'package.json'),
    json({
      name: 'fanwire-client',
      version,
      description:
        'The client library of fanwire: reconnects, resubscribes and recovers what was missed; no dependencies',
      license,
      type: 'module',
      engines: { node: '>=18' },
      sideEffects: false,
      main: './cjs/client/index.js',
      module: './esm/client/index.js',
      types: './cjs/client/index.d.ts',
      exports: {
        '.': { import: at('esm', { browser: './client.js' }), require: at('cjs') },
        './package.json': './package.json',
      },
    }),
  );
  cpSync(join(DIST, 'client.js'), join(folder, 'client.js'));
  cpSync(join(ROOT, 'docs/client.md'), join(folder, 'README.md'));
  cpSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
}

/** Both minifiers: one knows the modules, the other's output compresses better (5 % less of gzip). */
async function buildScript(): Promise<void> {
  const shape = { ...SHARED, format: 'esm', minify: true, mangleProps: /^_/, write: false } as const;
  const [bundle] = buildSync(shape).outputFiles ?? [];
  const compress = {
    ...{ passes: 4, unsafe_arrows: true, pure_getters: true, keep_fargs: false },
    // Flat rather than nested, since a bundler that minifies this once more gives each nested scope names of its own.
    ...{ hoist_funs: true, reduce_funcs: false, sequences: false, conditionals: false, if_return: false, unsafe: true },
  };
  const { code } = await minify(bundle?.text ?? '', { module: true, ecma: 2020, compress });
  write(join(DIST, 'client.js'), `${code}\n`);
}

await buildScript();
buildCommonJs();
buildPackage();

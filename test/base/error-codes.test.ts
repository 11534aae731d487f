// The tables of codes against the source, both ways, and against the page that is made from them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { errorReference } from '../../scripts/error-reference.js';
import { ERROR_CODES } from '../../src/base/error-codes.js';
import { benchSchema } from '../../src/cli/options/bench.js';
import { compareSchema } from '../../src/cli/options/compare.js';
import { variableOf } from '../../src/config/option.js';
import { relaySchema } from '../../src/config/schema.js';
import { Invalid, Refused } from '../../src/protocol/codes.js';

const ROOT = new URL('../../../', import.meta.url);
const TABLES = ['src/base/error-codes.ts', 'src/protocol/codes.ts'];

/** Who may put a name together: an option's variable from its flag, and the client, which leaves out what all its codes
 *  begin with. */
const COMPOSERS = /^(src\/config\/option\.ts$|src\/client\/|scripts\/pages\.ts$)/;

/** Names that are neither: the file of options, what the harness tells its own children, what the client's codes begin
 *  with. */
const VARIABLES = ['FANWIRE_CONFIG', 'FANWIRE_REPORT', 'FANWIRE_PROFILE_FOLDER', 'FANWIRE_CLIENT'];

/** All TypeScript under src, bench and scripts, but the tables themselves. */
function sources(): { readonly file: string; readonly text: string }[] {
  const files = ['src', 'bench', 'scripts'].flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
  );
  return files
    .filter((file) => file.endsWith('.ts') && !TABLES.includes(file))
    .map((file) => ({ file, text: readFileSync(new URL(file, ROOT), 'utf8') }));
}

const codesOnTheWire = [...Object.values(Refused), ...Object.values(Invalid)].map(({ code }) => code);

test('every FANWIRE_… of the source is a code of a table, or a variable', () => {
  const variables = [relaySchema, benchSchema, compareSchema].flatMap(({ groups, prefix }) =>
    groups.flatMap(({ options }) =>
      Object.values<{ readonly flag: string }>(options).map(({ flag }) => variableOf(flag, prefix)),
    ),
  );
  const known = new Set<string>([...Object.keys(ERROR_CODES), ...codesOnTheWire, ...variables, ...VARIABLES]);
  const unknown = sources().flatMap(({ file, text }) =>
    [...text.matchAll(/FANWIRE_[A-Z0-9_]+(?![A-Z0-9_*…]|\$\{)/g)]
      .filter(([name]) => !known.has(name) && !name.endsWith('_') && !name.startsWith('FANWIRE_INVENTED_'))
      .map(([name]) => `${file}: ${name}`),
  );
  assert.deepEqual(unknown, []);
});

test('no code is put together from parts', () => {
  const composed = sources().filter(
    ({ file, text }) => !COMPOSERS.test(file) && /FANWIRE_[A-Z0-9_]*(\$\{|['"`]\s*\+)/.test(text),
  );
  assert.deepEqual(
    composed.map(({ file }) => file),
    [],
  );
});

test('every code of a table is said somewhere', () => {
  const text = sources()
    .map((source) => source.text)
    .join('\n');
  const names = [
    ...Object.keys(ERROR_CODES),
    ...Object.keys(Refused).map((name) => `Refused.${name}`),
    ...Object.keys(Invalid).map((name) => `Invalid.${name}`),
  ];
  assert.deepEqual(
    names.filter((name) => {
      const word = new RegExp(`\\b${name.replace('.', '\\.')}\\b`);
      return !word.test(text) && !text.includes(`'${name.replace('FANWIRE_CLIENT_', '')}'`);
    }),
    [],
  );
});

test('a code is in one table, once', () => {
  const all = [...Object.keys(ERROR_CODES), ...codesOnTheWire];
  assert.deepEqual(
    all.filter((code, i) => all.indexOf(code) !== i),
    [],
  );
});

test('docs/errors.md is what the tables say (npm run docs writes it)', () => {
  assert.equal(readFileSync(new URL('docs/errors.md', ROOT), 'utf8'), errorReference());
});

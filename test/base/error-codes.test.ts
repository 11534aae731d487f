// The tables of codes against the source and against the page that is made from them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { errorReference } from '../../scripts/error-reference.js';
import { ERROR_CODES } from '../../src/base/error-codes.js';

const ROOT = new URL('../../../', import.meta.url);
const TABLE = 'src/base/error-codes.ts';

/** All TypeScript under src, bench and scripts, but the table itself. */
function sources(): string[] {
  const files = ['src', 'bench', 'scripts'].flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
  );
  return files
    .filter((file) => file.endsWith('.ts') && file !== TABLE)
    .map((file) => readFileSync(new URL(file, ROOT), 'utf8'));
}

test('every code of the table is thrown somewhere (that each one thrown is in it, the compiler sees to)', () => {
  const text = sources().join('\n');
  // The client leaves out what all its codes begin with.
  const isThrown = (code: string) =>
    [code, code.replace('FANWIRE_CLIENT_', '')].some((name) => text.includes(`'${name}'`));
  const unused = Object.keys(ERROR_CODES).filter((code) => !isThrown(code));
  assert.deepEqual(unused, []);
});

test('docs/errors.md is what the tables say (npm run docs writes it)', () => {
  assert.equal(readFileSync(new URL('docs/errors.md', ROOT), 'utf8'), errorReference());
});

// What the source looks like, where biome has no rule for it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { filesOf, ROOT } from '../support/sources.js';

const MAX_COLUMNS = 120;
const MAX_LINES = 300;

/** Each line of the TypeScript under these folders for which `isBad` holds, as file:line. */
function badLines(folders: readonly string[], isBad: (line: string, file: string) => boolean): string[] {
  return filesOf(folders).flatMap((file) => {
    const lines = readFileSync(new URL(file, ROOT), 'utf8').split('\n');
    return lines.flatMap((line, i) => (isBad(line, file) ? [`${file}:${i + 1}`] : []));
  });
}

const ALL = ['src', 'bench', 'test', 'scripts'];

test('no comment line is over 120 columns', () => {
  assert.deepEqual(
    badLines(ALL, (line) => isComment(line) && [...line].length > MAX_COLUMNS),
    [],
  );
});

// The client hides its fields at run time from the programs it is part of, and minifies their names: it has `#`.
test('private members are `private`, in the client `#`', () => {
  const isPrivate = (line: string) => /^\s*private |\(private /.test(line);
  const isHash = (line: string) => /\bthis\.#\w|^\s*(static |readonly |async |get |set )*#\w/.test(line);
  const isClient = (file: string) => file.startsWith('src/client/');
  assert.deepEqual(
    badLines(ALL, (line, file) => (isClient(file) ? isPrivate(line) : isHash(line))),
    [],
  );
});

test('no file is over 300 lines', () => {
  const isLong = (file: string) => readFileSync(new URL(file, ROOT), 'utf8').trimEnd().split('\n').length > MAX_LINES;
  assert.deepEqual(filesOf(ALL).filter(isLong), []);
});

/** What the package exports is gathered in these. */
const ENTRIES = ['src/index.ts', 'src/client/index.ts'];

test('no file only forwards to others', () => {
  const forwards = (file: string) => {
    const code = readFileSync(new URL(file, ROOT), 'utf8').replace(/^\s*\/\/.*$|\/\*[\s\S]*?\*\//gm, '');
    return code.replace(/^(import|export)\b[^;]*\bfrom '[^']*';$/gm, '').trim() === '';
  };
  assert.deepEqual(filesOf(ALL).filter(forwards), ENTRIES);
});

function isComment(line: string): boolean {
  return /^\s*(\/\/|\/\*|\*[ /])/.test(line) && !line.includes('biome-ignore');
}

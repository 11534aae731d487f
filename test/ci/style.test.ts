// What the source looks like, where biome has no rule for it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const ROOT = new URL('../../../', import.meta.url);
const MAX_COLUMNS = 120;

/** Each line of the TypeScript under these folders for which `isBad` holds, as file:line. */
function badLines(folders: readonly string[], isBad: (line: string, file: string) => boolean): string[] {
  return folders
    .flatMap((folder) =>
      readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
    )
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
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

function isComment(line: string): boolean {
  return /^\s*(\/\/|\/\*|\*[ /])/.test(line) && !line.includes('biome-ignore');
}

// Comments fit a window: no comment line of the source is over 120 columns.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const ROOT = new URL('../../../', import.meta.url);
const MAX_COLUMNS = 120;

test('no comment line is over 120 columns', () => {
  const files = ['src', 'bench', 'test', 'scripts'].flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
  );
  const long = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const lines = readFileSync(new URL(file, ROOT), 'utf8').split('\n');
      return lines.flatMap((line, i) =>
        isComment(line) && [...line].length > MAX_COLUMNS ? [`${file}:${i + 1}`] : [],
      );
    });
  assert.deepEqual(long, []);
});

function isComment(line: string): boolean {
  return /^\s*(\/\/|\/\*|\*[ /])/.test(line) && !line.includes('biome-ignore');
}

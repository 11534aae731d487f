// What is a folder, asked of any text: it may be a command longer than any path.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDirectory } from '../../src/base/is-directory.js';

test('text that can be no path, or leads nowhere, is no folder and no error', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-is-directory-'));
  t.after(() => rmSync(folder, { recursive: true }));
  symlinkSync('circle', join(folder, 'circle'));
  const none = [
    `env X=${'x'.repeat(5000)} node server.js`,
    'y'.repeat(300),
    'a\0b',
    '',
    join(folder, 'absent', 'deeper'),
    join(folder, 'circle'),
    join(process.execPath, 'below-a-file'),
    process.execPath,
  ];
  for (const text of none) assert.equal(isDirectory(text), false, text.slice(0, 40));
  assert.equal(isDirectory(folder), true);
});

// The folder for temporary files: missing, or with a path longer than a Unix socket's may be. A relay starts all the
// same; a run that needs a folder says which.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../bench/system/temporary-folder.js';
import { serve } from '../support/fanwire-process.js';

test('a relay starts, and answers, whatever TMPDIR names', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-long-'));
  t.after(() => rmSync(folder, { recursive: true }));
  // uWebSockets.js copies a path of any length: some 110 more bytes crashed it, fewer wrote over its memory unseen.
  for (const TMPDIR of [join(folder, 'a'.repeat(80)), join(folder, 'a'.repeat(200)), join(folder, 'missing')]) {
    if (!TMPDIR.endsWith('missing')) mkdirSync(TMPDIR);
    const relay = await serve(t, [], { TMPDIR });
    assert.equal((await fetch(`http://127.0.0.1:${relay.port}/healthz`)).status, 200);
  }
});

test('where no temporary folder can be made, one line says so, and that nothing was measured', (t) => {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = '/nonexistent';
  t.after(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
  assert.throws(() => temporaryFolder('fanwire-'), { code: 'FANWIRE_TEMPORARY_FOLDER', message: /^no .*TMPDIR.*$/ });
});

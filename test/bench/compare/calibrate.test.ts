// The copies that a calibration plays: still made of this source, and still programs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { dearerCopy, otherLayout } from '../../../scripts/calibrate-copies.js';

test('a dearer copy spins in its fan-out, one of another layout has the same code and more beside it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-copies-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const fanout = (copy: string): string => join(copy, 'dist/src/relay/fanout/fanout.js');
  const dearer = dearerCopy(folder, 20);
  assert.match(readFileSync(fanout(dearer), 'utf8'), /performance\.now\(\) \+ receivers \* 20 \/ 1e6/);
  assert.equal(dearerCopy(folder, 20), dearer, 'made once');
  const [, cli] = / (\S+)\/dist\/src\/cli\.js serve /.exec(otherLayout(folder, 3)) ?? [];
  assert.ok(cli?.includes('layout-3-'));
  assert.match(readFileSync(fanout(cli as string), 'utf8'), /export function padding0\(/);
  for (const copy of [dearer, cli as string]) {
    const { status, stderr } = spawnSync(process.execPath, ['--check', fanout(copy)], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
});

// A calibration: its copies are still made of this source, and still programs; what it says of measured spreads.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { dearerCopy, otherLayout } from '../../../scripts/calibrate-copies.js';
import { sampleComparison } from '../../support/sample-comparison.js';

const CALIBRATE = fileURLToPath(new URL('../../../scripts/calibrate-compare.js', import.meta.url));

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

test('the spreads of equal builds say how often a budget lets them through: always a wide one, never one below the spread', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-spreads-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'equal.json');
  writeFileSync(file, JSON.stringify(sampleComparison(1, { spread: 0.02, gates: ['cpu', 'throughput'] })));
  const tableOf = (...flags: string[]): string =>
    execFileSync(process.execPath, [CALIBRATE, '--spreads', file, ...flags], { encoding: 'utf8' });
  const usual = tableOf('--budget', 'cpu:+15%,throughput:+15%');
  assert.match(usual, /^18 pairs of 3\.3 s .* allows 90\. 1000 comparisons of equal builds, --alpha 0\.01\.\n/);
  assert.match(usual, /\| server CPU per million deliveries \| \d+\.\d % \| \+15 % \| 100\.0 % \| 0\.0 % \| 0\.0 % \|/);
  assert.match(usual, /\| deliveries\/s at saturation \| \d+\.\d % \| −15 % \| 100\.0 % \|/);
  assert.match(usual, /\| all together \| {2}\| {2}\| 100\.0 % \| 0\.0 % \| 0\.0 % \|/);
  const narrow = tableOf('--budget', 'cpu:+0.1%', '--max-minutes', '1');
  assert.match(narrow, /\| server CPU per million deliveries \| \d+\.\d % \| \+0\.1 % \| [01]\.\d % \| 9\d\.\d % \|/);
});

// The files that reports are written to: refused before the run where they can be none, and never at the expense of the
// result.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { comparisonFiles, writeComparison } from '../../../bench/compare/write.js';
import { requireWritable } from '../../../bench/report/files.js';
import { writeReports } from '../../../bench/report/write.js';
import { readResults } from '../../../bench/result/result-validate.js';
import { sampleComparison } from '../../support/sample-comparison.js';
import { sampleResult } from '../../support/sample-result.js';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'fanwire-write-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('a folder, a file below a file and two reports on stdout are refused, and missing folders are made', (t) => {
  const root = folder(t);
  writeFileSync(join(root, 'file'), '');
  const usage = { code: 'FANWIRE_USAGE_REPORT' };
  assert.throws(() => requireWritable({ json: root }), {
    ...usage,
    message: `--json ${root} is a folder: name a file in it`,
  });
  assert.throws(() => requireWritable({ html: join(root, 'file', 'x.html') }), usage);
  assert.throws(() => requireWritable({ json: '-', md: '-' }), usage);
  assert.throws(() => requireWritable({ csv: join(root, 'x'), bencher: join(root, '.', 'x') }), {
    ...usage,
    message: `--bencher ${join(root, '.', 'x')} and --csv cannot both be that file`,
  });
  requireWritable({ json: '/dev/null', html: '/dev/null' });
  requireWritable({ json: join(root, 'a', 'b.json'), md: '-' });
  assert.deepEqual(readdirSync(join(root, 'a')), []);
});

test('Markdown is added to what a summary holds; the other reports replace theirs whole', async (t) => {
  const root = folder(t);
  const [md, json] = [join(root, 'summary.md'), join(root, 'r.json')];
  writeFileSync(md, '# what the step wrote before\n');
  writeFileSync(json, 'old');
  assert.deepEqual(await writeReports([sampleResult()], { md, json }), [json, md]);
  assert.match(readFileSync(md, 'utf8'), /^# what the step wrote before\n\n.*fan-out/s);
  assert.equal(readResults(json).length, 1);
  assert.deepEqual(readdirSync(root).sort(), ['r.json', 'summary.md']);
});

test('a disk that is full at the end is one line, and the result is kept where that line says', {
  skip: !existsSync('/dev/full'),
}, async (t) => {
  const root = folder(t);
  const html = join(root, 'r.html');
  const error: Error & { code?: string } = await writeReports([sampleResult()], { json: '/dev/full', html }).then(
    () => assert.fail('it was written'),
    (thrown) => thrown,
  );
  assert.equal(error.code, 'FANWIRE_REPORT_WRITE');
  const [, kept] =
    /^cannot write the report \/dev\/full: the disk is full \(ENOSPC\); the result is in (\S+)$/.exec(error.message) ??
    [];
  assert.ok(kept, error.message);
  t.after(() => rmSync(kept));
  assert.equal(readResults(kept).length, 1);
  assert.ok(existsSync(html), 'the other report');
});

test('each report of a comparison has its file; Markdown is added, also to the summary of a workflow, and once', async (t) => {
  const root = folder(t);
  const at = (name: string) => join(root, name);
  const named = { json: at('c.json'), md: at('s.md'), junit: at('j.xml'), html: at('c.html'), csv: at('c.csv') };
  const files = comparisonFiles({ ...named, bencher: at('b.json'), benchmarkAction: at('a.json') });
  writeFileSync(at('s.md'), '# what the step wrote before\n');
  const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: at('s.md') };
  const comparison = sampleComparison(1);
  const written = await writeComparison(comparison, files, true, env);
  assert.deepEqual(written.sort(), readdirSync(root).sort().map(at));
  const summary = readFileSync(at('s.md'), 'utf8');
  assert.match(summary, /^# what the step wrote before\n\n### /);
  assert.equal(summary.split('### ').length, 2, 'once');
  await writeComparison(comparison, { md: at('s.md') }, true, {});
  assert.equal(readFileSync(at('s.md'), 'utf8').split('### ').length, 3, 'added');
});

test('a full disk takes no verdict of a comparison with it', { skip: !existsSync('/dev/full') }, async () => {
  const files = comparisonFiles({ json: '/dev/full', csv: '/dev/full' });
  const error: Error & { code?: string } = await writeComparison(sampleComparison(1), files, true, {}).then(
    () => assert.fail('it was written'),
    (thrown) => thrown,
  );
  assert.equal(error.code, 'FANWIRE_REPORT_WRITE');
  const kept = /; the result is in (\S+)$/.exec(error.message)?.[1];
  assert.ok(kept, error.message);
  assert.equal(error.message.split('\n').length, 1);
  assert.equal(JSON.parse(readFileSync(kept, 'utf8')).schema, 'fanwire.comparison/2');
  rmSync(kept);
});

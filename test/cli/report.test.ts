// `fanwire report` as a process: what it writes, what it prints, and one line for what it cannot read.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fanwire, runFanwire } from '../support/fanwire-process.js';
import { needsProc } from '../support/needs.js';
import { sampleResult } from '../support/sample-result.js';

test('result files become every report that is asked for, the first file being what ratios refer to', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-report-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [first, second] = ['first.json', 'second.json'].map((name) => join(folder, name)) as [string, string];
  const out = (name: string) => join(folder, 'reports', name);
  writeFileSync(first, JSON.stringify(sampleResult()));
  writeFileSync(second, JSON.stringify(sampleResult(2, { target: { name: 'ws', version: '8', cmd: 'node ws.mjs' } })));
  const flags = ['--html', out('r.html'), '--md', out('r.md'), '--junit', out('r.xml')];
  const { code, stdout, stderr } = await runFanwire(t, ['report', first, second, ...flags]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /fanwire 0\.1\.0 +ws 8\n[\s\S]*Latency p99 +6\.01 ms +12\.0 ms ×2\.00/);
  assert.ok(!stdout.includes('\x1b'), 'colour in a pipe');
  assert.match(readFileSync(out('r.html'), 'utf8'), /^<!doctype html>[\s\S]*<\/html>\n$/);
  assert.match(readFileSync(out('r.md'), 'utf8'), /\| Latency: p99 \| 6\.01 ms \| 12\.0 ms ×2\.00 \|/);
  assert.match(readFileSync(out('r.xml'), 'utf8'), /<testsuite name="fan-out" tests="2" failures="0" errors="0">/);
  const quiet = await runFanwire(t, ['report', first, '--quiet']);
  assert.deepEqual({ code: quiet.code, stdout: quiet.stdout }, { code: 0, stdout: '' });
});

test('a reader that leaves early is no failure', async (t) => {
  const started = fanwire(t, ['bench', 'list'], {}, 'exec "$@"');
  started.child.stdout.destroy();
  const { code } = await started.exited;
  assert.deepEqual({ code, stderr: started.stderr() }, { code: 0, stderr: '' });
});

test('a file that is no result, or a report that cannot be written, is one line that names it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-report-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'r.json');
  writeFileSync(file, JSON.stringify({ ...sampleResult(), lost: -1 }));
  const wrong = await runFanwire(t, ['report', file]);
  assert.equal(wrong.code, 1);
  assert.match(
    wrong.stderr,
    /^fanwire: .*r\.json is not a fanwire\.result\/1 result: lost: .*\[FANWIRE_RESULT_INVALID\]\n$/,
  );
  writeFileSync(file, JSON.stringify(sampleResult()));
  const unwritable = await runFanwire(t, ['report', file, '--html', join(file, 'below-a-file.html')]);
  assert.equal(unwritable.code, 2);
  assert.match(
    unwritable.stderr,
    /^fanwire: --html .*below-a-file\.html cannot be written: .*\[FANWIRE_USAGE_REPORT\]\n$/,
  );
});

test('a folder that the file system will not make is one line that names the report', {
  ...needsProc,
  timeout: 20_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-report-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'r.json');
  writeFileSync(file, JSON.stringify(sampleResult()));
  // /proc says of `x` that there is no such folder, whoever asks: mkdir -p by Node never comes back.
  const { code, stderr } = await runFanwire(t, ['report', file, '--html', '/proc/x/y/r.html']);
  assert.equal(code, 2);
  assert.match(stderr, /^fanwire: --html \/proc\/x\/y\/r\.html cannot be written: ENOENT.*\[FANWIRE_USAGE_REPORT\]\n$/);
});

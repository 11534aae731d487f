// A history that several jobs add to at the same time loses nothing; and what a store cannot be.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { commitIn } from '../../../bench/history/entry.js';
import { readHistory } from '../../../bench/history/store.js';
import { constructRepository, runGit, temporaryFolder } from '../../support/constructed-repository.js';
import { testNeeding } from '../../support/needs.js';
import { sampleComparison } from '../../support/sample-comparison.js';

const test = testNeeding('git');
const CLI = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));
const SAMPLE = sampleComparison(1);

function history(cwd: string, ...args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, 'history', ...args], { cwd }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr });
    });
  });
}

function sample(folder: string, name: string): string {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify({ ...SAMPLE, head: `head (${name})` }));
  return file;
}

const NAMES = Array.from({ length: 6 }, (_, i) => `aaaaaaa${i}`);

async function addTogether(t: TestContext, cwd: string, store: string): Promise<void> {
  const place = temporaryFolder(t);
  const all = await Promise.all(NAMES.map((name) => history(cwd, 'add', sample(place, name), '--store', store)));
  assert.deepEqual(
    all.map(({ code, text }) => [code, text]),
    NAMES.map(() => [0, `1 added to ${store}\n`]),
  );
}

test('six jobs add to a folder and to a branch at once: six entries', async (t) => {
  const { folder, git, commit } = constructRepository(t);
  commit();
  await addTogether(t, folder, 'kept');
  assert.equal(readHistory(join(folder, 'kept')).length, NAMES.length);
  await addTogether(t, folder, 'branch:perf');
  assert.equal(git('show', 'perf:history.jsonl').split('\n').length, NAMES.length);
});

test('what two clones added apart is brought together by the next addition, so that a push that was refused succeeds', async (t) => {
  const place = temporaryFolder(t);
  const { folder, git, commit } = constructRepository(t, place);
  commit();
  runGit(place, 'clone', '--quiet', '--bare', folder, 'remote.git');
  git('remote', 'add', 'origin', join(place, 'remote.git'));
  runGit(place, 'clone', '--quiet', 'remote.git', 'other');
  const other = join(place, 'other');
  await history(folder, 'add', sample(place, 'aaaaaaa1'), '--store', 'branch:perf');
  git('push', '--quiet', 'origin', 'perf');
  await history(other, 'add', sample(place, 'aaaaaaa2'), '--store', 'branch:perf');
  assert.throws(() => runGit(other, 'push', '--quiet', 'origin', 'perf'));
  runGit(other, 'fetch', '--quiet');
  const again = await history(other, 'add', sample(place, 'aaaaaaa2'), '--store', 'branch:perf');
  assert.equal(again.text, '0 added to branch:perf (1 there already)\n');
  runGit(other, 'push', '--quiet', 'origin', 'perf');
  git('fetch', '--quiet');
  const page = await history(folder, 'page', '--store', 'branch:perf', '--html', join(place, 'p.html'));
  assert.match(page.text, /in 2 entries/);
});

test('a branch that is checked out is no store, and stays as it is', async (t) => {
  const { place, folder, git, commit } = constructRepository(t);
  commit();
  const { code, text } = await history(folder, 'add', sample(place, 'aaaaaaa1'), '--store', 'branch:main');
  assert.equal(code, 2);
  assert.match(text, /--store branch:main is checked out, .*\[FANWIRE_USAGE_HISTORY\]\n$/);
  assert.equal(git('status', '--porcelain'), '');
});

test('nothing is added that could not be read again, and an anchor is known by its beginning', async (t) => {
  const place = temporaryFolder(t);
  const bad = await history(place, 'add', sample(place, 'aaaaaaa1'), '--store', 'kept', '--commit', '');
  assert.equal(bad.code, 2, bad.text);
  writeFileSync(join(place, 'b.json'), JSON.stringify({ ...SAMPLE, base: 'v1 (abcdef123)' }));
  await history(place, 'add', 'b.json', '--store', 'kept', '--commit', '1234567');
  const file = join(place, 'kept/history.jsonl');
  writeFileSync(file, `\ufeff${readFileSync(file, 'utf8').replaceAll('\n', '\r\n')}`);
  const page = (anchor: string) => history(place, 'page', '--store', 'kept', '--anchor', anchor);
  assert.match((await page(`abcdef123${'0'.repeat(31)}`)).text, /in 1 entry/);
  const unknown = await page('v9');
  assert.equal(unknown.code, 2);
  assert.match(unknown.text, /--anchor v9 has no entry in kept: it has abcdef123/);
  writeFileSync(file, `<<<<<<< ours\n${readFileSync(file, 'utf8')}`);
  assert.match((await page('abcdef123')).text, /line 1, is the mark of a merge conflict/);
});

test('a tag that is a date is no commit', () => {
  assert.equal(commitIn('release-20240101 (1a2b3c4d5)'), '1a2b3c4d5');
  assert.equal(commitIn('this folder (1a2b3c4d5 with changes: 2 changed, 1 untracked)'), '1a2b3c4d5');
});

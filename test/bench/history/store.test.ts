// The history's store: added to once, never half written, on a branch without touching the checkout, merged without
// conflict.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { commitIn, entryOf } from '../../../bench/history/entry.js';
import { addToHistory, readHistory } from '../../../bench/history/store.js';
import { needs } from '../../support/needs.js';
import { sampleComparison } from '../../support/sample-comparison.js';
import { sampleHistory } from '../../support/sample-history.js';

const CLI = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'fanwire-history-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function fanwire(cwd: string, ...args: string[]): { readonly code: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'history', ...args], { cwd, encoding: 'utf8' });
  return { code: status, text: stdout + stderr };
}

test('an entry has the ratio of each metric, its interval and the commits that the comparison names', () => {
  const entry = entryOf({ ...sampleComparison(1.1), base: 'v0.1.0 (86f5970f4)', head: 'this folder (e7bfa5d6b)' });
  assert.ok(entry);
  assert.deepEqual([entry.anchor, entry.commit], ['86f5970f4', 'e7bfa5d6b']);
  const cpu = entry.points.find(({ metric }) => metric === 'cpu');
  assert.ok(cpu?.isGate && Math.abs(cpu.ratio - 1.1) < 0.01 && (cpu.low ?? 9) < cpu.ratio);
  assert.equal(entry.host.cpu, 'Test CPU');
  assert.equal(commitIn('node deadbeef.js {port}'), 'node deadbeef.js {port}', 'a word is no commit');
});

test('a comparison is added once, from the command line, and the page names the store', (t) => {
  const here = folder(t);
  writeFileSync(join(here, 'a.json'), JSON.stringify(sampleComparison(1)));
  writeFileSync(join(here, 'b.json'), JSON.stringify(sampleComparison(1.2, { head: 'b' })));
  assert.match(fanwire(here, 'add', 'a.json', 'b.json', '--store', 'kept').text, /^2 added to kept\n/);
  assert.match(fanwire(here, 'add', 'a.json', '--store', 'kept').text, /^0 added to kept \(1 there already\)\n/);
  assert.equal(readHistory(join(here, 'kept')).length, 2);
  const { code, text } = fanwire(here, 'page', '--store', 'kept', '--html', 'out.html');
  assert.equal(code, 0, text);
  assert.match(text, /no change of level in 2 entries; the page is out\.html/);
  assert.match(readFileSync(join(here, 'out.html'), 'utf8'), /server CPU per million deliveries/);
  const absent = fanwire(here, 'page', '--store', 'nowhere');
  assert.equal(absent.code, 0, 'an empty history is a page too');
  assert.match(
    absent.text,
    /in 0 entries \(--store nowhere is not there yet, fanwire history add makes it\); the page/,
  );
});

test(
  'what is no place for a store is one line and exit code 2, and a hook of the user’s has no say',
  needs('git'),
  (t) => {
    const here = folder(t);
    writeFileSync(join(here, 'a.json'), JSON.stringify(sampleComparison(1)));
    for (const [command, file] of [
      ['add', ['a.json']],
      ['page', []],
    ] as const) {
      for (const [store, why] of [
        ['', /^fanwire: --store is empty: name a folder, or branch:NAME \[FANWIRE_USAGE_HISTORY\]\n$/],
        ['a.json', /^fanwire: --store a\.json is a file: name a folder, or branch:NAME \[FANWIRE_USAGE_HISTORY\]\n$/],
        ['branch:perf', /^fanwire: --store branch:perf is of a repository, and this folder is in none/],
      ] as const) {
        const { code, text } = fanwire(here, command, ...file, '--store', store);
        assert.equal(code, 2, text);
        assert.match(text, why);
      }
    }
    const bare = spawnSync(process.execPath, [CLI, 'history', 'page', '--store', 'branch:perf'], {
      cwd: here,
      encoding: 'utf8',
      env: { PATH: '/nowhere' },
    });
    assert.match(bare.stderr, /--store branch:perf needs git, and there is none on the PATH/);
    execFileSync('git', ['init', '--quiet', '-b', 'main'], { cwd: here });
    const hook = join(here, '.git/hooks/reference-transaction');
    mkdirSync(join(here, '.git/hooks'), { recursive: true });
    writeFileSync(hook, '#!/bin/sh\nexit 3\n', { mode: 0o755 });
    const added = fanwire(here, 'add', 'a.json', '--store', 'branch:perf');
    assert.equal(added.code, 0, added.text);
  },
);

test('what is no comparison or no history is one line and exit code 2, and nothing is written', async (t) => {
  const here = folder(t);
  const whole = JSON.stringify(sampleComparison(1));
  const bad: [string, string, RegExp][] = [
    [
      'half.json',
      whole.slice(0, whole.length / 2),
      /half\.json cannot be read: .*\[FANWIRE_USAGE_COMPARISON_FILE\]\n$/,
    ],
    ['old.json', '{"schema":"fanwire.comparison/1"}', /is no fanwire\.comparison\/2, it says fanwire\.comparison\/1/],
    ['list.json', '[]', /is no fanwire\.comparison\/2/],
    ['less.json', whole.replace('"alpha"', '"beta"'), /is no whole fanwire\.comparison\/2: alpha /],
  ];
  for (const [name, content, says] of bad) {
    writeFileSync(join(here, name), content);
    const { code, text } = fanwire(here, 'add', name, '--store', 'kept');
    assert.deepEqual([code, text.trim().split('\n').length], [2, 1], text);
    assert.match(text, says);
  }
  assert.equal(existsSync(join(here, 'kept')), false);
  const kept = join(here, 'kept');
  await addToHistory(kept, sampleHistory([1, 1]));
  appendFileSync(join(kept, 'history.jsonl'), '{"schema":"fanwire.history/9"}\n');
  const other = fanwire(here, 'page', '--store', 'kept');
  assert.equal(other.code, 2);
  assert.match(other.text, /kept, line 3, is of the schema "fanwire\.history\/9".*\[FANWIRE_USAGE_HISTORY\]\n$/);
  assert.deepEqual(readdirSync(kept).sort(), ['.gitattributes', 'history.jsonl'], 'no temporary file is left');
  assert.equal(existsSync(join(here, 'history.html')), false);
});

test(
  'a branch holds the store: one commit an addition, other files kept, the checkout untouched',
  needs('git'),
  (t) => {
    const here = folder(t);
    const git = (...args: string[]): string =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
        cwd: here,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    git('init', '--quiet', '-b', 'main');
    writeFileSync(join(here, 'work.txt'), 'work');
    git('add', '.');
    git('commit', '--quiet', '-m', 'work');
    writeFileSync(join(here, 'a.json'), JSON.stringify(sampleComparison(1)));
    writeFileSync(join(here, 'b.json'), JSON.stringify(sampleComparison(1.1)));
    assert.match(fanwire(here, 'add', 'a.json', '--store', 'branch:perf').text, /^1 added/);
    assert.match(fanwire(here, 'add', 'b.json', '--store', 'branch:perf').text, /^1 added/);
    assert.equal(git('rev-list', '--count', 'perf').trim(), '2');
    assert.equal(git('ls-tree', '--name-only', 'perf').trim(), '.gitattributes\nhistory.jsonl');
    assert.equal(git('status', '--porcelain').trim(), '?? a.json\n?? b.json');
    assert.match(fanwire(here, 'page', '--store', 'branch:perf').text, /in 2 entries/);
    assert.match(
      fanwire(here, 'add', 'a.json', '--store', 'branch:no..name').text,
      /is no branch .*\[FANWIRE_USAGE_HISTORY\]/,
    );

    // Two machines add at the same time; git merges both lines.
    const [left, right] = [1.2, 1.3].map((slowness) => sampleComparison(slowness)) as [object, object];
    git('branch', 'other', 'perf');
    writeFileSync(join(here, 'l.json'), JSON.stringify(left));
    writeFileSync(join(here, 'r.json'), JSON.stringify(right));
    fanwire(here, 'add', 'l.json', '--store', 'branch:perf');
    fanwire(here, 'add', 'r.json', '--store', 'branch:other');
    git('checkout', '--quiet', 'perf');
    git('merge', '--quiet', '-m', 'both', 'other');
    assert.match(fanwire(here, 'page', '--store', 'branch:perf').text, /in 4 entries/);
  },
);

test('a store on a branch that git cannot read is left alone, not taken for an empty one', needs('git'), async (t) => {
  const here = folder(t);
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: here, encoding: 'utf8' }).trim();
  git('init', '--quiet', '--initial-branch=main');
  writeFileSync(join(here, 'a.json'), JSON.stringify(sampleComparison(1)));
  writeFileSync(join(here, 'b.json'), JSON.stringify(sampleComparison(1.2, { head: 'b' })));
  assert.equal(fanwire(here, 'add', 'a.json', '--store', 'branch:kept').code, 0);
  const [tip, blob] = [git('rev-parse', 'kept'), git('rev-parse', 'kept:history.jsonl')];
  rmSync(join(here, '.git/objects', blob.slice(0, 2), blob.slice(2)));
  for (const args of [['add', 'b.json'], ['page']]) {
    const { code, text } = fanwire(here, ...args, '--store', 'branch:kept');
    assert.equal(code, 2, text);
    assert.match(text, /^fanwire: cannot read history\.jsonl of [0-9a-f]{9}: [^\n]* \[FANWIRE_USAGE_HISTORY\]\n$/);
  }
  assert.equal(git('rev-parse', 'kept'), tip);
});

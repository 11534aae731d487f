// The cache of built checkouts where others use it too, have died over it, or it cannot be written.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CheckoutCache } from '../../../bench/compare/sides/cache.js';
import { constructRepository, temporaryFolder } from '../../support/constructed-repository.js';
import { fanwire } from '../../support/fanwire-process.js';
import { needs } from '../../support/needs.js';

const PATIENCE = () => AbortSignal.timeout(60_000);

/** Three who want the same checkout at once, and how often it was made. */
async function three(folder: string): Promise<number> {
  let makes = 0;
  const have = () =>
    new CheckoutCache(folder).have(
      'a',
      async (made) => {
        makes++;
        await sleep(20);
        writeFileSync(join(made, 'server.js'), '');
      },
      PATIENCE(),
      () => {},
    );
  const folders = await Promise.all([have(), have(), have()]);
  assert.deepEqual(new Set(folders).size, 1);
  return makes;
}

test('a cache is a folder of its own: no repository, and what else lies in a folder stays seen', (t) => {
  const repository = constructRepository(t);
  assert.throws(() => new CheckoutCache(repository.folder), /--cache .* is a repository: name a folder of its own/);
  assert.deepEqual(readdirSync(repository.folder), ['.git']);
  const used = temporaryFolder(t);
  writeFileSync(join(used, 'mine'), '');
  assert.ok(new CheckoutCache(used));
  assert.deepEqual(readdirSync(used), ['mine']);
  assert.ok(new CheckoutCache(join(used, 'new')));
  assert.deepEqual(readdirSync(join(used, 'new')), ['.gitignore']);
});

test('of those who find a lock whose holder has ended, one makes the checkout, and none waits for ever', async (t) => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const locks: [string, string, boolean][] = [
    ['by a process that has ended', `${pid} ${hostname()}\n`, false],
    ['by nobody, since it was cut off', '', true],
    ['by another machine that is silent', '1 elsewhere\n', true],
  ];
  for (const [what, content, isOld] of locks) {
    const folder = temporaryFolder(t);
    const lock = join(folder, 'a.lock');
    // Whoever was taking it over has been ended at that.
    for (const [path, text] of [
      [lock, content],
      [`${lock}.take`, ''],
    ] as const) {
      writeFileSync(path, text);
      if (isOld || path !== lock) utimesSync(path, 1, 1);
    }
    assert.equal(await three(folder), 1, `held ${what}`);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes('.lock')),
      [],
    );
  }
});

test('a lock that another machine keeps touching is waited for, until the wait is broken off', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'a.lock'), '1 elsewhere\n');
  const interrupt = new AbortController();
  let isTold = false;
  const waiting = (): void => {
    isTold = true;
    interrupt.abort(new Error('interrupted'));
  };
  const make = (): Promise<void> => Promise.reject(new Error('made all the same'));
  await assert.rejects(new CheckoutCache(folder).have('a', make, interrupt.signal, waiting), /^Error: interrupted$/);
  assert.ok(isTold);
});

test('a cache that cannot be written is one line, and nothing is judged', needs('git'), async (t) => {
  const repository = constructRepository(t);
  repository.write('server.js', '');
  repository.commit();
  const args = ['compare', '--base', 'HEAD', '--start', 'node server.js', '--cache', join(repository.place, 'cache')];
  // No file may have a byte, as on a full disk.
  const started = fanwire(t, args, {}, `cd ${repository.folder} && ulimit -f 0 && exec "$@"`);
  const { code } = await started.exited;
  assert.ok(code === 2 || code === 3, `exit code ${code}: ${started.stderr()}`);
  assert.match(started.stderr(), /fanwire: [^\n]*cache[^\n]* \[FANWIRE_[A-Z_]+\]\n$/);
  assert.doesNotMatch(started.stderr(), /\n +at /);
});

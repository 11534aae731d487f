// The default base of a comparison in a GitHub workflow: what the event adds to, in repositories made for it.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { baseOfEvent, type EventBase } from '../../../bench/compare/sides/event-base.js';
import { type ConstructedRepository, constructRepository, runGit } from '../../support/constructed-repository.js';
import { testNeeding } from '../../support/needs.js';

const test = testNeeding('git');

async function base({ place, folder }: ConstructedRepository, name: string, payload: object): Promise<EventBase> {
  const event = join(place, 'event.json');
  writeFileSync(event, JSON.stringify(payload));
  const env = { GITHUB_ACTIONS: 'true', GITHUB_EVENT_NAME: name, GITHUB_EVENT_PATH: event };
  const found = await baseOfEvent(env, folder);
  assert.ok(found);
  return found;
}

/** A branch that left main at A; main went on to B. */
function branched(t: TestContext) {
  const repository = constructRepository(t);
  const a = repository.commit('A');
  repository.git('checkout', '--quiet', '-b', 'topic');
  const p = repository.commit('P');
  repository.git('checkout', '--quiet', 'main');
  const b = repository.commit('B');
  return { repository, a, p, b };
}

test('a pull request is judged by what its merge adds to, though the event is from before main went on', async (t) => {
  const { repository, a, p, b } = branched(t);
  repository.git('checkout', '--quiet', '--detach');
  repository.git('merge', '--quiet', '--no-ff', '-m', 'M', 'topic');
  const payload = { number: 12, pull_request: { head: { sha: p }, base: { sha: a, ref: 'main' } } };
  assert.deepEqual(await base(repository, 'pull_request', payload), {
    commit: b,
    why: 'the first parent of the merge of pull request #12',
  });
});

test('a pull request whose branch itself is checked out begins where it left main, also after it has merged main', async (t) => {
  const { repository, a, p, b } = branched(t);
  repository.git('checkout', '--quiet', 'topic');
  const payload = { number: 12, pull_request: { head: { sha: p }, base: { sha: b, ref: 'main' } } };
  assert.deepEqual(await base(repository, 'pull_request', payload), {
    commit: a,
    why: 'where pull request #12 left main',
  });
  repository.git('merge', '--quiet', '--no-ff', '-m', 'main into topic', 'main');
  const merged = {
    ...payload,
    pull_request: { ...payload.pull_request, head: { sha: repository.git('rev-parse', 'HEAD') } },
  };
  assert.equal((await base(repository, 'pull_request', merged)).commit, b, 'not its own commit before the merge');
});

test('a push begins with `before`, however many commits it has; a new branch where it left the default branch', async (t) => {
  const { repository, a, b } = branched(t);
  repository.commit('C');
  repository.commit('D');
  assert.equal((await base(repository, 'push', { before: b })).commit, b);
  const created = { before: '0'.repeat(40), created: true, repository: { default_branch: 'main' } };
  const fresh = constructRepository(t);
  runGit(fresh.folder, 'remote', 'add', 'origin', repository.folder);
  runGit(fresh.folder, 'fetch', '--quiet', 'origin');
  runGit(fresh.folder, 'checkout', '--quiet', '-b', 'topic', 'origin/topic');
  assert.deepEqual(await base(fresh, 'push', created), { commit: a, why: 'where the new branch left main' });
  runGit(fresh.folder, 'checkout', '--quiet', '--detach', 'origin/main');
  const parent = runGit(fresh.folder, 'rev-parse', 'HEAD~1');
  assert.equal((await base(fresh, 'push', created)).commit, parent, 'a tag on main is compared with the commit before');
});

test('a merge queue has its own base, and any other event the commit before', async (t) => {
  const { repository, a, b } = branched(t);
  assert.equal((await base(repository, 'merge_group', { merge_group: { base_sha: a } })).commit, a);
  const head = repository.commit('C');
  assert.notEqual(head, b);
  assert.equal((await base(repository, 'workflow_dispatch', {})).commit, b);
});

test('a base that the clone lacks is one line with the mend', async (t) => {
  const { repository, a, p } = branched(t);
  repository.git('checkout', '--quiet', '--detach');
  repository.git('merge', '--quiet', '--no-ff', '-m', 'M', 'topic');
  repository.git('branch', 'merged');
  const shallow = { ...repository, folder: join(repository.place, 'shallow') };
  runGit(
    repository.place,
    'clone',
    '--quiet',
    '--depth',
    '1',
    '--branch',
    'merged',
    `file://${repository.folder}`,
    'shallow',
  );
  const payload = { number: 12, pull_request: { head: { sha: p }, base: { sha: a, ref: 'main' } } };
  await assert.rejects(base(shallow, 'pull_request', payload), {
    code: 'FANWIRE_USAGE_COMPARE',
    message:
      /^the base of this event cannot be had: this clone is shallow \(1 commit\) and has no [0-9a-f]{40}: fetch-depth: 0/,
  });
  const gone = { before: 'f'.repeat(40) };
  await assert.rejects(base(repository, 'push', gone), {
    message: /the clone has no commit f{40}: git fetch origin f{40}; or give --base/,
  });
  const first = constructRepository(t);
  first.commit('first');
  await assert.rejects(base(first, 'push', { before: '0'.repeat(40) }), {
    message: /there is no commit before the head/,
  });
});

test('outside of a workflow there is no default', async () => {
  assert.equal(await baseOfEvent({}, '.'), undefined);
});

test('a push that threw `before` away is judged from where its branch left main, on main by its last commit', async (t) => {
  const { repository, a, b } = branched(t);
  const lost = { before: '1'.repeat(40), forced: true, repository: { default_branch: 'main' } };
  repository.git('update-ref', 'refs/remotes/origin/main', b);
  assert.deepEqual(await base(repository, 'push', lost), {
    commit: a,
    why: 'the commit before; the push threw its own base away',
  });
  repository.git('checkout', '--quiet', 'topic');
  assert.deepEqual(await base(repository, 'push', lost), { commit: a, why: 'where the rewritten branch left main' });
  assert.equal((await base(repository, 'push', { ...lost, before: b })).commit, b, 'it is there still');
  await assert.rejects(
    base(repository, 'push', { ...lost, forced: false }),
    /the clone has no commit 1{40}: git fetch/,
  );
});

test('a pull_request_target that has the base branch checked out has nothing to judge', async (t) => {
  const { repository, a, p, b } = branched(t);
  const payload = { number: 12, pull_request: { head: { sha: p }, base: { sha: b, ref: 'main' } } };
  await assert.rejects(base(repository, 'pull_request_target', payload), {
    code: 'FANWIRE_USAGE_COMPARE',
    message: /the head has nothing of the pull request: pull_request_target checks out the base branch/,
  });
  repository.git('checkout', '--quiet', 'topic');
  assert.equal((await base(repository, 'pull_request_target', payload)).commit, a);
});

test('a head that is itself a merge of three is judged from where it left main', async (t) => {
  const { repository, a } = branched(t);
  repository.git('checkout', '--quiet', '-b', 'third', a);
  repository.commit('T');
  repository.git('checkout', '--quiet', '-b', 'fourth', a);
  repository.commit('F');
  repository.git('merge', '--quiet', '-m', 'octopus', 'topic', 'third');
  const head = repository.git('rev-parse', 'HEAD');
  const payload = {
    number: 1,
    pull_request: { head: { sha: head }, base: { sha: repository.git('rev-parse', 'main'), ref: 'main' } },
  };
  assert.equal((await base(repository, 'pull_request', payload)).commit, a);
});

test('a pull request that has got further commits since its event is judged by what its merge adds to', async (t) => {
  const { repository, a, p, b } = branched(t);
  repository.git('checkout', '--quiet', 'topic');
  repository.commit('P2');
  repository.git('checkout', '--quiet', '--detach', 'main');
  repository.git('merge', '--quiet', '--no-ff', '-m', 'M', 'topic');
  // Of a fork that was deleted since, there is no repository in the event.
  const head = { sha: p, repo: null };
  const payload = { number: 12, pull_request: { head, base: { sha: a, ref: 'main' } } };
  assert.deepEqual(await base(repository, 'pull_request', payload), {
    commit: b,
    why: 'the first parent of the merge of pull request #12',
  });
});

test('a tag, a schedule, a dispatch and a comment on another branch are judged from where that left the default one', async (t) => {
  const { repository, a, b } = branched(t);
  const clone = constructRepository(t);
  runGit(clone.folder, 'remote', 'add', 'origin', repository.folder);
  runGit(clone.folder, 'fetch', '--quiet', 'origin');
  runGit(clone.folder, 'checkout', '--quiet', '--detach', 'origin/topic');
  const of = { repository: { default_branch: 'main' } };
  const tag = { ...of, ref: 'refs/tags/v1', before: '0'.repeat(40), created: true };
  assert.deepEqual(await base(clone, 'push', tag), { commit: a, why: 'where the new tag left main' });
  for (const name of ['workflow_dispatch', 'schedule', 'issue_comment', 'release']) {
    assert.deepEqual(await base(clone, name, of), { commit: a, why: `where the head left main (event ${name})` });
  }
  runGit(clone.folder, 'checkout', '--quiet', '--detach', 'origin/main');
  for (const name of ['workflow_dispatch', 'schedule']) {
    assert.deepEqual(await base(clone, name, of), { commit: a, why: `the commit before (event ${name})` });
  }
  assert.equal((await base(clone, 'push', tag)).commit, a);
  // A moved tag has the old one as its `before`, which for an annotated tag is no commit.
  runGit(repository.folder, 'tag', '-a', '-m', 'x', 'v1', a);
  runGit(clone.folder, 'fetch', '--quiet', '--tags', 'origin');
  const moved = { ...tag, created: false, forced: true, before: runGit(repository.folder, 'rev-parse', 'v1') };
  assert.equal((await base(clone, 'push', moved)).commit, a);
  assert.equal((await base(clone, 'push', { ...of, ref: 'refs/heads/main', before: a })).commit, a);
  assert.notEqual(a, b);
});

test('the first push of a repository has nothing before it, and a clone of one commit says how to get more', async (t) => {
  const repository = constructRepository(t);
  repository.commit('A');
  const created = { before: '0'.repeat(40), created: true, repository: { default_branch: 'main' } };
  const usage = { code: 'FANWIRE_USAGE_COMPARE' };
  await assert.rejects(base(repository, 'push', created), { ...usage, message: /there is no commit before the head/ });
  repository.commit('B');
  const clone = constructRepository(t);
  runGit(clone.folder, 'fetch', '--quiet', '--depth=1', `file://${repository.folder}`, 'main');
  runGit(clone.folder, 'checkout', '--quiet', '--detach', 'FETCH_HEAD');
  for (const [name, payload] of [
    ['push', created],
    ['schedule', {}],
    ['workflow_dispatch', {}],
    ['merge_group', { merge_group: { base_sha: '1'.repeat(40) } }],
    ['push', { before: '1'.repeat(40) }],
    ['push', { before: '1'.repeat(40), forced: true }],
  ] as const) {
    await assert.rejects(base(clone, name, payload), { ...usage, message: /fetch-depth: 0 .*; or give --base$/ }, name);
  }
});

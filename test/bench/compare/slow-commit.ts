// A slow commit on its way through all that a team would do with it, each step by the command line that the docs give:
// compared, commented on, kept in the history with a change point, explained, found again by bisection. Takes some
// minutes on a quiet machine and is no part of `npm test`: `npm run rehearse`, or one step of it with
// `--test-name-pattern`. The pages are left in results/rehearsal, to be looked at.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { constructRepository } from '../../support/constructed-repository.js';
import { gitHubServer } from '../../support/github-server.js';

const CLI = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));
const WS = fileURLToPath(new URL('../../../../node_modules/ws', import.meta.url));
const PAGES = resolve('results/rehearsal');
const COMMITS = 12;
const SLOW_FROM = 7;

const server = (i: number): string => `// commit ${i}
const { WebSocketServer } = require('${WS}');
const topics = new Map();
function checksum(message) { let sum = 0; for (let i = 0; i < ${i < SLOW_FROM ? 10 : 20_000}; i++) sum = (sum * 31 + message[i % message.length]) | 0; return sum; }
new WebSocketServer({ port: Number(process.env.PORT), host: '127.0.0.1' }).on('connection', (socket, { url }) => {
  if (!topics.has(url)) topics.set(url, new Set());
  const peers = topics.get(url).add(socket);
  socket.on('message', (message, binary) => { for (const peer of peers) if (peer !== socket) { checksum(message); peer.send(message, { binary }); } });
  socket.on('close', () => peers.delete(socket));
});`;

/** Twelve commits of a relay, slow from the eighth on, and `fanwire` as it is called beside them. */
async function rehearsal(t: TestContext) {
  mkdirSync(PAGES, { recursive: true });
  const repository = constructRepository(t);
  const commits = Array.from({ length: COMMITS }, (_, i) => {
    repository.write('server.js', server(i));
    return repository.commit(`commit ${i}`);
  });
  const github = await gitHubServer(t);
  const env = { ...process.env, GITHUB_TOKEN: github.token, GITHUB_REPOSITORY: 'o/relay', GITHUB_API_URL: github.api };
  // Not spawnSync: the server that is commented to runs here.
  const fanwire = (...args: string[]): Promise<{ code: number | null; said: string }> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [CLI, ...args], { cwd: repository.folder, env, timeout: 1_200_000 });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
      child.once('close', (code) => resolve({ code, said }));
    });
  const cache = join(repository.place, 'cache');
  const [anchor = '', last = '', slow = ''] = [commits[0], commits.at(-1), commits[SLOW_FROM]];
  return { fanwire, github, commits, anchor, last, slow, how: [...HOW, '--cache', cache] };
}

const LOAD = ['--subscribers', '20', '--rate', '100', '--capacity', '200'];
const HOW = ['--start', 'node server.js', '--build', 'true', '--budget', 'cpu:+10%', ...LOAD];

const kept = (name: string): string => join(PAGES, name);

test('a slow commit is judged, explained and commented on', async (t) => {
  const { fanwire, github, anchor, last, how } = await rehearsal(t);
  const reports = ['json', 'html', 'md'].flatMap((kind) => [`--${kind}`, kept(`comparison.${kind}`)]);
  rmSync(kept('comparison.md'), { force: true });
  const compared = await fanwire('compare', '--base', anchor, '--head', last, ...how, ...reports);
  assert.equal(compared.code, 1, compared.said);
  assert.match(compared.said, /checksum server\.js: .* a delivery/);
  assert.match(readFileSync(kept('comparison.html'), 'utf8'), /class="flame"/);

  const commented = await fanwire('comment', kept('comparison.json'), '--pull-request', '12');
  assert.equal(commented.code, 0, commented.said);
  assert.match(github.comments[0]?.body ?? '', /checksum server\.js/);
  writeFileSync(kept('comment.md'), github.comments[0]?.body ?? '');
});

test('a slow commit is seen in the history, as the change of level it is', async (t) => {
  const { fanwire, commits, anchor, slow, how } = await rehearsal(t);
  const files = commits.map((_, i) => kept(`commit-${String(i).padStart(2, '0')}.json`));
  for (const [i, commit] of commits.entries()) {
    const sides = ['--base', anchor, '--head', commit, '--pairs', '2', '--no-why'];
    const played = await fanwire('compare', ...sides, ...how, '--json', files[i] as string);
    assert.ok(played.code === 0 || played.code === 1, played.said);
  }
  const added = await fanwire('history', 'add', ...files, '--store', 'branch:perf-history');
  assert.match(added.said, new RegExp(`^${COMMITS} added`), added.said);
  const page = await fanwire('history', 'page', '--store', 'branch:perf-history', '--html', kept('history.html'));
  assert.equal(page.code, 0, page.said);
  assert.match(page.said, new RegExp(slow.slice(0, 7)), page.said);
});

test('a slow commit is found by bisection', async (t) => {
  const { fanwire, anchor, last, slow, how } = await rehearsal(t);
  const found = await fanwire('bisect', '--good', anchor, '--bad', last, ...how, '--json', kept('bisection.json'));
  assert.equal(found.code, 0, found.said);
  const { firstBad } = JSON.parse(readFileSync(kept('bisection.json'), 'utf8')) as { firstBad: { commit: string }[] };
  assert.deepEqual(
    firstBad.map(({ commit }) => commit),
    [slow],
  );
});

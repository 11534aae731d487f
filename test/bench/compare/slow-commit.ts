// A slow commit on its way through all that a team would do with it, each step by the command line that the docs give:
// compared, commented on, kept in the history with a change point, explained, found again by bisection. Takes some
// minutes and is no part of `npm test`: `npm run rehearse`. The pages are left in results/rehearsal, to be looked at.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test from 'node:test';
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

test('a slow commit is judged, commented on, seen in the history, explained and found', async (t) => {
  rmSync(PAGES, { recursive: true, force: true });
  mkdirSync(PAGES, { recursive: true });
  const repository = constructRepository(t);
  const commits = Array.from({ length: COMMITS }, (_, i) => {
    repository.write('server.js', server(i));
    return repository.commit(`commit ${i}`);
  });
  const [anchor = '', last = ''] = [commits[0], commits.at(-1)];
  const github = await gitHubServer(t);
  const env = {
    ...process.env,
    GITHUB_TOKEN: github.token,
    GITHUB_REPOSITORY: 'o/relay',
    GITHUB_API_URL: github.api,
  };
  // Not spawnSync: the server that is commented to runs here.
  const fanwire = (args: string[]): Promise<{ code: number | null; said: string }> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [CLI, ...args], { cwd: repository.folder, env, timeout: 400_000 });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
      child.once('close', (code) => resolve({ code, said }));
    });
  const load = ['--subscribers', '20', '--rate', '100', '--duration', '0.5', '--warmup', '0.2', '--capacity', '0'];
  const how = ['--start', 'node server.js', '--build', 'true', '--cache', join(repository.place, 'cache'), ...load];
  const budget = ['--budget', 'cpu:+10%'];
  const kept = (name: string): string => join(PAGES, name);

  const reports = [
    '--json',
    kept('pull-request.json'),
    '--html',
    kept('comparison.html'),
    '--md',
    kept('comparison.md'),
  ];
  const compared = await fanwire(['compare', '--base', anchor, '--head', last, ...budget, ...how, ...reports]);
  assert.equal(compared.code, 1, compared.said);
  assert.match(compared.said, /checksum server\.js: .* a delivery/);
  assert.match(readFileSync(kept('comparison.html'), 'utf8'), /class="flame"/);

  const commented = await fanwire(['comment', kept('pull-request.json'), '--pull-request', '12']);
  assert.equal(commented.code, 0, commented.said);
  assert.match(github.comments[0]?.body ?? '', /checksum server\.js/);

  const files: string[] = [];
  for (const [i, commit] of commits.entries()) {
    const json = kept(`commit-${String(i).padStart(2, '0')}.json`);
    const played = await fanwire([
      'compare',
      '--base',
      anchor,
      '--head',
      commit,
      '--pairs',
      '2',
      '--no-why',
      ...budget,
      ...how,
      '--json',
      json,
    ]);
    assert.ok(played.code === 0 || played.code === 1, played.said);
    files.push(json);
  }
  const added = await fanwire(['history', 'add', ...files, '--store', 'branch:perf-history']);
  assert.match(added.said, new RegExp(`^${COMMITS} added`), added.said);
  const page = await fanwire(['history', 'page', '--store', 'branch:perf-history', '--html', kept('history.html')]);
  assert.equal(page.code, 0, page.said);
  assert.match(page.said, new RegExp(commits[SLOW_FROM]?.slice(0, 7) ?? ''), page.said);

  const found = await fanwire([
    'bisect',
    '--good',
    anchor,
    '--bad',
    last,
    ...budget,
    ...how,
    '--json',
    kept('bisection.json'),
  ]);
  assert.equal(found.code, 0, found.said);
  assert.deepEqual(
    JSON.parse(readFileSync(kept('bisection.json'), 'utf8')).firstBad.map(({ commit }: { commit: string }) => commit),
    [commits[SLOW_FROM]],
  );
  t.diagnostic(`the pages are in ${PAGES}`);
});

// `fanwire comment` against a server that speaks the few routes: one comment, written anew; and a fork's artifact as a
// stranger's.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { markerOf, renderComment } from '../../../../bench/compare/comment/body.js';
import { temporaryFolder } from '../../../support/constructed-repository.js';
import { type GitHubServer, gitHubServer } from '../../../support/github-server.js';
import { sampleComparison } from '../../../support/sample-comparison.js';
import { type ZipEntry, zipOf } from '../../../support/zip.js';

const CLI = fileURLToPath(new URL('../../../../src/cli.js', import.meta.url));

/** Made once: their power is simulated, which takes seconds. */
const [WORSE, SAME] = [sampleComparison(1.8), sampleComparison(1)];

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function comment(server: GitHubServer, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const settings = {
    ...{ PATH: process.env.PATH, GITHUB_TOKEN: 'secret', GITHUB_REPOSITORY: 'o/relay', GITHUB_API_URL: server.api },
    ...env,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, 'comment', ...args], { env: settings }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

function fileOf(t: TestContext, content: unknown): string {
  const file = join(temporaryFolder(t), 'comparison.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

test('the verdict is one comment, which the next run writes anew; another comparison has one of its own', async (t) => {
  const server = await gitHubServer(t);
  const on = (file: string, key = 'fan-out') => comment(server, [file, '--pull-request', '12', '--key', key]);
  const first = await on(fileOf(t, WORSE));
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^commented on #12: https:/);
  assert.match(server.comments[0]?.body ?? '', /^<!-- fanwire comparison [0-9a-f]{16} -->\n### ❌ Regressed: feature/);
  assert.match(
    server.comments[0]?.body ?? '',
    /<details><summary>Figures<\/summary>\n\n\| {2}\| base [\s\S]*<\/details>/,
  );
  assert.match(server.comments[0]?.body ?? '', /Would have caught with 90 % probability: p99 /);
  assert.equal((await on(fileOf(t, SAME))).code, 0);
  assert.equal(server.comments.length, 1);
  assert.match(server.comments[0]?.body ?? '', /^<!--.*-->\n### ✅ Unchanged/);
  await on(fileOf(t, SAME), 'burst');
  assert.equal(server.comments.length, 2);
});

test('the comment is found on a later page, and a person’s comment with the same first line is left alone', async (t) => {
  const server = await gitHubServer(t);
  const add = (body: string, type: string): void => {
    server.comments.push({ id: server.comments.length, body, user: { login: 'x', type } });
  };
  add(`${markerOf('k')}\nforged`, 'User');
  for (let i = 0; i < 120; i++) add('chat', 'User');
  add(`${markerOf('k')}\nold`, 'Bot');
  const { code } = await comment(server, [fileOf(t, SAME), '--pull-request', '12', '--key', 'k']);
  assert.equal(code, 0);
  assert.match(server.comments[0]?.body ?? '', /forged$/);
  assert.match(server.comments[121]?.body ?? '', /Unchanged/);
  assert.equal(server.comments.length, 122);
  server.login = 'somebody';
  await comment(server, [fileOf(t, SAME), '--pull-request', '12', '--key', 'k']);
  assert.equal(server.comments.length, 123, 'a person’s token writes over its own comments only');
});

test('overload passes, a refusal is one line with the mend, and nothing is half written', async (t) => {
  const server = await gitHubServer(t);
  const file = fileOf(t, SAME);
  const on = (env: NodeJS.ProcessEnv = {}, number = '12') => comment(server, [file, '--pull-request', number], env);
  server.refusals.push({ status: 502, message: 'x', headers: { 'retry-after': '0' } });
  assert.equal((await on()).code, 0);
  const line = async (outcome: Promise<Outcome>, code: number): Promise<string> => {
    const { code: got, stderr } = await outcome;
    assert.equal(got, code, stderr);
    assert.match(stderr, /^fanwire: [^\n]*\]\n$/);
    return stderr;
  };
  assert.match(await line(on({ GITHUB_TOKEN: 'wrong' }), 3), /Bad credentials \(HTTP 401\); the token is not valid/);
  assert.match(await line(on({}, '13'), 3), /Not Found \(HTTP 404\); there is no such pull request/);
  server.login = 'x';
  server.requests.length = 0;
  const forbidden = { status: 403, message: 'Resource not accessible by integration' };
  server.refusals.push(forbidden, forbidden);
  assert.match(
    await line(on(), 3),
    /cannot comment on pull request #12: Resource not accessible.*pull-requests: write \[FANWIRE_COMMENT_FAILED\]/,
  );
  assert.match(
    await line(on({ GITHUB_API_URL: 'http://127.0.0.1:2' }), 3),
    /cannot reach GitHub at http:\/\/127.0.0.1:2: ECONNREFUSED/,
  );
  assert.match(await line(on({ GITHUB_TOKEN: '' }), 2), /there is no GITHUB_TOKEN/);
  assert.match(await line(on({}, '12; rm'), 2), /--pull-request must be a whole number, got "12; rm"/);
  assert.match(await line(on({ GITHUB_REPOSITORY: 'x' }), 2), /GITHUB_REPOSITORY must be owner\/name/);
  const cut = JSON.stringify(SAME).slice(0, 5_000);
  const half = comment(server, [fileOf(t, cut), '--pull-request', '12']);
  assert.match(await line(half, 2), /cannot be read: not JSON: .*\[FANWIRE_USAGE_COMPARISON_FILE\]/);
  const other = fileOf(t, { ...SAME, schema: 'fanwire.comparison/1' });
  assert.match(await line(comment(server, [other, '--pull-request', '12']), 2), /it says fanwire.comparison\/1/);
});

test('names of branches are text in it, and it is never longer than GitHub takes', () => {
  const options = { key: '-->\n# owned', runUrl: 'https://github.com/o/relay/actions/runs/7', isForeign: true };
  const body = renderComment({ ...WORSE, head: '-->](https://evil.example) @team `x` <img src=x> #1' }, options);
  assert.match(body.split('\n')[0] ?? '', /^<!-- fanwire comparison [0-9a-f]{16} -->$/);
  assert.doesNotMatch(body, /<img|@team|\n# owned|https:\/\/evil/);
  assert.match(body, /As the job of a fork reported it/);
  const told = renderComment(WORSE, { key: 'fan-out { "node": 22 }', runUrl: undefined, isForeign: false });
  assert.match(told, /<sub>Of fan-out .*node.*22/, 'two comparisons of one pull request can be told apart');
  const reasons = Array.from({ length: 400 }, (_, i) => `${i} ${'~'.repeat(1_000)}`);
  const cut = renderComment({ ...WORSE, reasons }, options);
  assert.ok(cut.length <= 65_536 && cut.startsWith('<!--') && cut.includes('the rest is in the report of the run'));
});

function artifact(content: unknown, about: unknown = { pullRequest: 12, key: 'k' }): Buffer {
  const entries: ZipEntry[] = [
    { name: 'index.html', content: '<script>' },
    { name: 'comparison.json', content: JSON.stringify(content) },
    { name: 'context.json', content: JSON.stringify(about) },
  ];
  return zipOf(entries);
}

test('what a fork’s run kept is commented on its own pull request', async (t) => {
  const server = await gitHubServer(t);
  server.artifacts.set('load-regression-fan-out-x1', artifact(WORSE));
  server.artifacts.set('load-regression-burst-x2', zipOf([{ name: 'junit.xml', content: 'measured nothing' }]));
  server.artifacts.set('coverage', Buffer.from('no zip'));
  const { code, stderr } = await comment(server, ['--run', '7']);
  assert.equal(code, 0, stderr);
  assert.equal(server.comments.length, 1);
  assert.match(
    server.comments[0]?.body ?? '',
    /Regressed[\s\S]*\/o\/relay\/actions\/runs\/7\)\. As the job of a fork reported it/,
  );
});

test('what cannot be believed is refused in one line, and nothing is commented', async (t) => {
  const refused = async (change: (server: GitHubServer) => void, why: RegExp): Promise<void> => {
    const server = await gitHubServer(t);
    server.artifacts.set('load-regression-a', artifact(SAME));
    change(server);
    const { code, stderr } = await comment(server, ['--run', '7']);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /^fanwire: nothing was commented: [^\n]*\]\n$/);
    assert.match(stderr, why);
    assert.equal(server.comments.length, 0);
  };
  const instead = (zip: Buffer) => (server: GitHubServer) => server.artifacts.set('load-regression-a', zip);
  const whole = JSON.stringify(SAME);
  const about = { name: 'context.json', content: '{"pullRequest":12,"key":"k"}' };
  await refused((server) => (server.run.event = 'push'), /is of a push event, not a pull request's/);
  await refused((server) => (server.pull.head.sha = 'b'.repeat(40)), /is not of the newest commit of pull request #12/);
  await refused((server) => (server.pull.head.repo = { full_name: 'victim/relay' }), /is not of the newest commit/);
  await refused((server) => (server.pull.state = 'closed'), /or that one is closed/);
  await refused(instead(Buffer.from('no zip')), /the archive cannot be read/);
  await refused(instead(artifact(SAME, { pullRequest: '12', key: '' })), /context.json: /);
  await refused(instead(zipOf([{ name: 'comparison.json', content: whole }])), /says of no pull request/);
  await refused(
    instead(zipOf([{ name: 'comparison.json', content: whole.slice(0, 99) }, about])),
    /comparison.json is not JSON/,
  );
  await refused(instead(artifact({ ...SAME, verdict: '# owned' })), /verdict: /);
  await refused(instead(artifact({ ...SAME, head: 'x'.repeat(1e5) })), /head: 100000 characters/);
  const scenarios = Array(60).fill(SAME.scenarios[0]);
  await refused(instead(artifact({ ...SAME, scenarios })), /scenarios: too many/);
  await refused(instead(artifact({ ...SAME, reasons: Array(20_000).fill('') })), /reasons: 20000 entries/);
  const bomb = { name: 'comparison.json', content: whole, statedLength: 2 ** 30 };
  await refused(instead(zipOf([bomb, about])), /comparison.json has more than 16777216 bytes|cannot be read/);
  const many = Array.from({ length: 200 }, (_, i) => ({ name: `f${i}`, content: '' }));
  await refused(instead(zipOf(many)), /the archive has more than 100 files/);
  await refused(instead(Buffer.alloc((32 << 20) + 1)), /has 33554433 bytes, more than 33554432/);
});

test('of a fork’s large matrix what is worse is commented first, ten at most; the rest is counted, and no old comment left as it was', async (t) => {
  const server = await gitHubServer(t);
  const keep = (i: number, content: unknown): unknown =>
    server.artifacts.set(`load-regression-${i}`, artifact(content, { pullRequest: 12, key: `job ${i}` }));
  for (let i = 0; i < 26; i++) keep(i, i >= 20 && i < 22 ? WORSE : SAME);
  const { code, stdout, stderr } = await comment(server, ['--run', '7']);
  assert.equal(code, 0, stderr);
  assert.equal(server.comments.length, 10);
  const [first, second, third] = server.comments.map(({ body }) => body);
  assert.match(
    first ?? '',
    /Regressed[\s\S]*Of job 20\..*16 further comparisons of this run have no comment of their own: 16 unchanged\./,
  );
  assert.match(second ?? '', /Regressed/);
  assert.doesNotMatch(third ?? '', /Regressed|further comparison/);
  assert.match(stdout, /16 further comparisons/);
  for (let i = 0; i < 26; i++) keep(i, i < 10 ? WORSE : SAME);
  assert.equal((await comment(server, ['--run', '7'])).code, 0);
  assert.equal(server.comments.length, 12, 'those of before are written anew, and ten more at most are made');
  assert.equal(server.comments.filter(({ body }) => /Regressed/.test(body)).length, 10);
  for (let i = 26; i < 60; i++) keep(i, SAME);
  const many = await comment(server, ['--run', '7']);
  assert.match(
    many.stdout,
    /50 further comparisons of this run have no comment of their own: 40 unchanged, 10 not looked at/,
  );
});

// `fanwire comment` where GitHub is slow, limits, loses answers, or is not GitHub at all.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { markerOf } from '../../../../bench/compare/comment/body.js';
import { comparisonOfStranger } from '../../../../bench/compare/comment/stranger.js';
import { temporaryFolder } from '../../../support/constructed-repository.js';
import { gitHubServer } from '../../../support/github-server.js';
import { sampleComparison } from '../../../support/sample-comparison.js';
import { zipOf } from '../../../support/zip.js';

const CLI = fileURLToPath(new URL('../../../../src/cli.js', import.meta.url));
/** Its figures do not matter here. */
const SAME = JSON.stringify(sampleComparison(1));

function fanwire(api: string, args: string[]): Promise<{ code: number; text: string }> {
  const env = { PATH: process.env.PATH, GITHUB_TOKEN: 'secret', GITHUB_REPOSITORY: 'o/relay', GITHUB_API_URL: api };
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, 'comment', ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr });
    });
  });
}

function comment(t: TestContext, api: string) {
  const file = join(temporaryFolder(t), 'comparison.json');
  writeFileSync(file, SAME);
  return fanwire(api, [file, '--pull-request', '12']);
}

test('a comment that was made although its answer was lost is not made twice', async (t) => {
  const server = await gitHubServer(t);
  server.brokenAnswers = 1;
  const { code, text } = await comment(t, server.api);
  assert.equal(code, 0, text);
  assert.equal(server.comments.length, 1);
});

test('a comment that was deleted while it was written over is made anew', async (t) => {
  const server = await gitHubServer(t);
  server.comments.push({ id: 1, body: `${markerOf('default')}\nold`, user: { login: 'x[bot]', type: 'Bot' } });
  server.deleted.add(1);
  const { code, text } = await comment(t, server.api);
  assert.equal(code, 0, text);
  assert.equal(server.comments.length, 2);
});

test('the rate limit is no missing permission: a short one is waited for, a long one is said', async (t) => {
  const server = await gitHubServer(t);
  const now = () => String(Math.floor(Date.now() / 1000) + 1);
  const limit = { status: 403, message: 'API rate limit exceeded' };
  server.refusals.push({ ...limit, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': now() } });
  const soon = await comment(t, server.api);
  assert.equal(soon.code, 0, soon.text);
  server.refusals.push({ ...limit, headers: { 'retry-after': '3600' } });
  const late = await comment(t, server.api);
  assert.equal(late.code, 3);
  assert.match(late.text, /API rate limit exceeded \(HTTP 403\); GitHub's limit lasts 3600 s more: try again then/);
  server.refusals.push({ status: 503, message: 'x' }, { status: 500, message: 'x' });
  assert.equal((await comment(t, server.api)).code, 0);
});

test('an address that is none of GitHub’s is one line', async (t) => {
  const server = createServer((_, response) => response.end('<html>Sign in</html>'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { code, text } = await comment(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  assert.equal(code, 3);
  assert.match(
    text,
    /^fanwire: nothing was commented: .* that is not JSON: is GITHUB_API_URL right\? \[FANWIRE_COMMENT_FAILED\]\n$/,
  );
});

test('an artifact with a name of its own is found as well', async (t) => {
  const server = await gitHubServer(t);
  const zip = zipOf([
    { name: 'comparison.json', content: SAME },
    { name: 'context.json', content: '{"pullRequest":12,"key":"k"}' },
  ]);
  server.artifacts.set('coverage', zipOf([{ name: 'lcov.info', content: 'x' }]));
  server.artifacts.set('our-perf', zip);
  const { code, text } = await fanwire(server.api, ['--run', '7']);
  assert.equal(code, 0, text);
  assert.equal(server.comments.length, 1);
});

test('a stranger’s prototype is no part of a comparison', () => {
  const hostile = SAME.replace(/^\{/, '{"__proto__":{"why":{"functions":7}},');
  const read = comparisonOfStranger(JSON.parse(hostile), 'comparison.json');
  assert.equal(read.why, undefined);
});

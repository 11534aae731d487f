// A uWebSockets.js binary that does not fit is one clear error, not a stack trace.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { type Platform, uwsLoadError } from '../../src/relay/uws-load-error.js';

test('a Node version without a binary is one line that names platform, ABI and glibc, and the mend', () => {
  const fakeAbi = "Object.defineProperty(process,'versions',{value:{...process.versions,modules:'999'}})";
  const script =
    `await import('${new URL('../../src/relay/uws.js', import.meta.url).href}')` +
    '.then(() => process.exit(3), (error) => console.log(JSON.stringify({ code: error.code, message: error.message })))';
  const run = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(fakeAbi)}`, '--input-type=module', '--eval', script],
    { encoding: 'utf8' },
  );
  assert.equal(run.status, 0, run.stderr);
  const { code, message } = JSON.parse(run.stdout);
  assert.equal(code, 'FANWIRE_UWS_LOAD');
  assert.match(message, new RegExp(`${process.platform}-${process.arch}, Node ${process.versions.node} \\(ABI 999\\)`));
  if (process.platform === 'linux') assert.match(message, /glibc \d+\.\d+/);
  assert.match(message, /There is none for this version of Node: use Node 20, 22 or 24\./);
  assert.doesNotMatch(message, /\n/);
});

const DEBIAN: Platform = { platform: 'linux', arch: 'x64', node: '22.1.0', abi: '127', glibc: '2.36' };

const told: [what: string, at: Platform, says: RegExp][] = [
  [
    'a Linux without glibc',
    { ...DEBIAN, glibc: undefined },
    /no glibc \(musl\?\)\. Alpine and other systems with musl have none/,
  ],
  [
    'Node 26',
    { ...DEBIAN, node: '26.1.0', abi: '147', glibc: '2.41' },
    /There is none for this version of Node: use Node 20, 22/,
  ],
  ['Debian 12 with Node 22', DEBIAN, /asks for glibc 2\.38: use Node 20 .*"github:uNetworking\/uWebSockets\.js#v/],
  [
    'Debian 10 with Node 20',
    { ...DEBIAN, abi: '115', glibc: '2.26' },
    /asks for glibc 2\.27: Debian 13 or Ubuntu 24\.04/,
  ],
  ['Bun', { ...DEBIAN, bun: '1.4.5' }, /on Bun 1\.4\.5\. The relay runs on Node: start it with Node 20, 22 or 24/],
  ['a package without its binaries', { ...DEBIAN, glibc: '2.41' }, /install again \(npm ci\)/],
];

for (const [what, at, says] of told) {
  test(`${what} is told in one line what is true of it`, () => {
    const { message } = uwsLoadError(new Error('first\n\nError: ld-linux-x86-64.so.2: cannot open shared object'), at);
    assert.match(message, says);
    assert.match(message, /Reason: Error: ld-linux-x86-64\.so\.2: cannot open shared object$/);
    assert.doesNotMatch(message, /\n/);
  });
}

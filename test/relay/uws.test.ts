// A uWebSockets.js binary that does not fit is one clear error, not a stack trace.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { uwsLoadError } from '../../src/relay/uws.js';

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
  assert.match(message, /"uWebSockets\.js": "github:uNetworking\/uWebSockets\.js#v/);
  assert.doesNotMatch(message, /\n/);
});

test('a Linux without glibc is told so', () => {
  const alpine = { platform: 'linux', arch: 'x64', node: '22.1.0', abi: '127', glibc: undefined };
  const error = uwsLoadError(new Error('first\n\nError: ld-linux-x86-64.so.2: cannot open shared object file'), alpine);
  assert.match(error.message, /no glibc \(musl\?\).*Reason: Error: ld-linux-x86-64\.so\.2: cannot open/);
});

// A log that cannot be written: the relay goes on, and what can be written later is.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../bench/system/free-port.js';
import { fanwire, type ServeProcess } from '../support/fanwire-process.js';
import { ONLY_LINUX, until } from '../support/process-facts.js';
import { Witness } from '../support/witness.js';
import { record } from './reliability.js';
import { storm } from './storm.js';

/** Requests that are refused, the first few a second with a line in the log. */
const REFUSALS = 1000;

/** Resolves once something accepts connections on `port`. */
async function listening(port: number): Promise<void> {
  let open = false;
  const attempt = (): void => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      open = true;
      socket.destroy();
    });
    socket.once('error', () => setTimeout(attempt, 20));
  };
  attempt();
  await until(`something listens on ${port}`, () => open);
}

/** A relay whose stdout is a file or pipe of ours, so its port must be known without reading its log. */
async function relayLoggingTo(t: TestContext, path: string): Promise<ServeProcess> {
  const port = await freePort();
  const args = ['serve', '--port', String(port), '--admin-port', '0', '--drain-ms', '0'];
  const relay = fanwire(t, args, {}, `exec "$@" >${path}`);
  await listening(port);
  return { ...relay, port, adminPort: 0, url: (topic) => `ws://127.0.0.1:${port}/${topic}` };
}

/** Refused requests beside a steady publisher, then an orderly end. */
async function workAndEnd(t: TestContext, relay: ServeProcess, fault: string, beforeEnd: () => void): Promise<void> {
  const witness = await Witness.start(t, relay, 'log');
  await storm(relay.port, REFUSALS, 50, (socket) => {
    socket.resume().end('GET /none HTTP/1.1\r\nHost: x\r\n\r\n');
  });
  const { published, lost } = await witness.end();
  assert.equal(lost, 0, `of ${published} messages`);
  beforeEnd();
  relay.child.kill('SIGTERM');
  assert.deepEqual(await relay.exited, { code: 0, signal: null });
  record(t, {
    fault,
    tried: REFUSALS,
    survived: REFUSALS,
    lost,
    held: `logged requests were answered, ${published} messages relayed meanwhile, SIGTERM ended it in order`,
  });
}

/** A named pipe that the test holds open for reading. */
function namedPipe(t: TestContext): { path: string; fd: number } {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'log');
  execFileSync('mkfifo', [path]);
  return { path, fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK) };
}

/** Repeats `step` until the pipe is full, or empty. */
function untilEagain(step: () => void): void {
  try {
    for (;;) step();
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
  }
}

function allIn(fd: number): string {
  const chunk = Buffer.alloc(65_536);
  let text = '';
  untilEagain(() => {
    text += chunk.toString('latin1', 0, readSync(fd, chunk));
  });
  return text;
}

test('a full disk under the log costs log lines and nothing else', ONLY_LINUX, async (t) => {
  const relay = await relayLoggingTo(t, '/dev/full');
  await workAndEnd(t, relay, 'disk full for logs (stdout is /dev/full)', () => {});
});

test('a log reader that has gone costs log lines and nothing else', ONLY_LINUX, async (t) => {
  const { path, fd } = namedPipe(t);
  const relay = await relayLoggingTo(t, path);
  closeSync(fd);
  await workAndEnd(t, relay, 'log reader gone (stdout is a pipe without a reader)', () => {});
});

test('a log reader that stalls holds nobody up, and gets the lines when it reads again', ONLY_LINUX, async (t) => {
  const { path, fd } = namedPipe(t);
  t.after(() => closeSync(fd));
  let filled = 0;
  untilEagain(() => {
    filled += writeSync(fd, Buffer.alloc(4096, '#'));
  });
  const relay = await relayLoggingTo(t, path);
  await workAndEnd(t, relay, 'log reader stalled (stdout is a full pipe)', () => {
    // Exactly what filled it: the relay writes on as soon as there is room.
    const before = Buffer.alloc(filled);
    assert.equal(readSync(fd, before), filled);
    assert.ok(before.equals(Buffer.alloc(filled, '#')), 'the pipe was full from the start');
  });
  assert.match(allIn(fd), /listening on .*\n(.*\n)*.*"msg":"request refused"/);
});

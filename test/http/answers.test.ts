// Every route of both ports, by every method and in every way a client may ask or leave: each request is answered once,
// in a shape that HTTP allows, or its connection ends; and the relay lives on.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { serve } from '../support/fanwire-process.js';
import { startLocalRelay, until } from '../support/local-relay.js';

const RELAY_PATHS = [
  '/',
  '/topic',
  '/publish',
  '/publish/topic',
  '/publish/',
  '/publish/%ff',
  '/healthz',
  '/topics/state/x/state',
  '/topics/kept/state',
  '/topics/other/state',
  '/topics/kept',
  '/topics/',
  '/history/kept',
  '/history/kept?limit=0',
  '/history/',
  '/history/%ff',
];
const ADMIN_PATHS = [
  '/',
  '/healthz',
  '/readyz',
  '/metrics',
  '/stats',
  '/topics',
  '/connections',
  '/connections/7',
  '/nope',
];
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'CONNECT', 'BREW'];
const BODY = '{"topic":"topic","data":1}';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: string;
}

function requestText({ method, path, body, headers = '' }: Asked): string {
  const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}${length}\r\n${body ?? ''}`;
}

interface Heard {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Reads answers as RFC 9112 (section 6.3) says where each ends, which takes the methods they answer. */
function readAnswers(text: string, methods: readonly string[]): { answers: Heard[]; rest: string } {
  const answers: Heard[] = [];
  let rest = text;
  for (const method of methods) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) break;
    const [statusLine = '', ...lines] = rest.slice(0, end).split('\r\n');
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      assert.ok(colon > 0 && !headers.has(name), `${method}: a header twice or malformed: ${line}`);
      headers.set(name, line.slice(colon + 1).trim());
    }
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
    assert.ok(status >= 200, `${method}: ${statusLine}`);
    const length = Number(headers.get('content-length') ?? 0);
    const size = method === 'HEAD' || status === 204 || status === 304 ? 0 : length;
    const from = end + 4;
    if (rest.length - from < size) break;
    answers.push({ status, headers, body: rest.slice(from, from + size) });
    rest = rest.slice(from + size);
  }
  return { answers, rest };
}

/** What a connection hears until it has all answers, or is closed. */
function converse(
  port: number,
  write: string,
  methods: readonly string[],
): Promise<{ text: string; isClosed: boolean }> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(write));
    const finish = (isClosed: boolean): void => {
      socket.destroy();
      resolve({ text, isClosed });
    };
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (readAnswers(text, methods).answers.length === methods.length) finish(false);
    });
    socket.on('end', () => finish(true));
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? finish(true) : reject(error)));
    socket.setTimeout(20_000, () => reject(new Error(`no answer to ${JSON.stringify(write.slice(0, 80))}`)));
  });
}

/** Exactly one answer of a shape that HTTP allows. */
function checkShape(asked: Asked, text: string): Heard {
  const what = `${asked.method} ${asked.path}`;
  const { answers, rest } = readAnswers(text, [asked.method]);
  assert.equal(answers.length, 1, `${what}: ${JSON.stringify(text)}`);
  assert.equal(rest, '', `${what}: more than its answer`);
  const [answer] = answers as [Heard];
  const { status, headers, body } = answer;
  if (status === 204 || status === 304) {
    assert.ok(!headers.has('content-length') && !headers.has('content-type'), what);
  } else assert.ok(headers.has('content-length'), what);
  if (status === 405) assert.match(headers.get('allow') ?? '', /OPTIONS/, what);
  if (status === 426) assert.equal(headers.get('upgrade'), 'websocket', what);
  if (status === 401) assert.ok(headers.has('www-authenticate'), what);
  if (body !== '') assert.ok(headers.has('content-type'), what);
  if (headers.get('content-type') === 'application/json' && body !== '') JSON.parse(body);
  return answer;
}

test('every route of both ports', { timeout: 240_000 }, async (t) => {
  const relay = await serve(t, ['--state', 'state/*', '--history', 'kept=9,1m,1m']);
  const ports: readonly [number, readonly string[]][] = [
    [relay.port, RELAY_PATHS],
    [relay.adminPort, ADMIN_PATHS],
  ];

  function* everything(): Generator<{ port: number; asked: Asked }> {
    for (const [port, paths] of ports) {
      for (const path of paths) for (const method of METHODS) yield { port, asked: { method, path } };
    }
  }

  await t.test('answers each method once, HEAD as GET without its body', async () => {
    for (const { port, asked } of everything()) {
      const { text } = await converse(port, requestText(asked), [asked.method]);
      const answer = checkShape(asked, text);
      if (asked.method !== 'HEAD') continue;
      const get = checkShape(
        { ...asked, method: 'GET' },
        (await converse(port, requestText({ ...asked, method: 'GET' }), ['GET'])).text,
      );
      assert.equal(answer.status, get.status);
      const isSteady = answer.status === 200 && !['/metrics', '/stats'].includes(asked.path);
      if (isSteady) assert.equal(answer.headers.get('content-length'), get.headers.get('content-length'), asked.path);
    }
  });

  await t.test('answers one request after the other on a connection that is kept', async () => {
    for (const [port, paths] of ports) {
      for (const path of paths) {
        for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE']) {
          // After the first answer the second request of the connection must be understood: no stray bytes in between.
          const answers = await inTurn(port, [
            { method, path },
            { method: 'HEAD', path: '/topic' },
            { method: 'GET', path: '/nope' },
          ]);
          assert.ok(answers.length === 3 || answers.at(-1)?.headers.get('connection') === 'close', `${method} ${path}`);
        }
      }
    }
  });

  await t.test('answers requests that come in one write, or ends the connection', async () => {
    for (const { port, asked } of everything()) {
      const methods = [asked.method, 'HEAD', 'GET'];
      const write = [asked, { method: 'HEAD', path: '/' }, { method: 'GET', path: '/nope' }].map(requestText).join('');
      const { text, isClosed } = await converse(port, write, methods);
      const { answers, rest } = readAnswers(text, methods);
      assert.equal(rest, '', `${asked.method} ${asked.path}`);
      assert.ok(isClosed || answers.length === 3, `${asked.method} ${asked.path}`);
    }
  });

  await t.test('answers a body where none is expected, small, chunked or larger than is skipped', async () => {
    const chunked = `1a\r\n${BODY}\r\n0\r\n\r\n`;
    for (const { port, asked } of everything()) {
      const whole = await converse(port, requestText({ ...asked, body: BODY }), [asked.method]);
      checkShape(asked, whole.text);
      const head = requestText({ ...asked, headers: 'Transfer-Encoding: chunked\r\n' });
      checkShape(asked, (await converse(port, head + chunked, [asked.method])).text);
      if (asked.method === 'POST' && asked.path.startsWith('/publish')) continue; // reads it: see publish.test.ts
      const announced = requestText({ ...asked, headers: 'Content-Length: 10000000\r\n' });
      const answer = checkShape(asked, (await converse(port, announced, [asked.method])).text);
      assert.equal(answer.headers.get('connection'), 'close', `${asked.method} ${asked.path}`);
    }
  });

  await t.test(
    'lives on when clients leave before their answer, before the end of their request, or in its body',
    async () => {
      const leave = (port: number, write: string): Promise<void> =>
        new Promise((resolve) => {
          const socket = connect({ port, host: '127.0.0.1' }, () =>
            socket.write(write, () => socket.resetAndDestroy()),
          );
          socket.on('close', () => resolve()).on('error', () => {});
        });
      for (const { port, asked } of everything()) {
        const whole = requestText({ ...asked, body: BODY });
        const ways = [requestText(asked), whole, whole.slice(0, -10), requestText(asked).slice(0, -2)];
        await Promise.all(ways.map((write) => leave(port, write)));
      }
      for (const [port, path] of [
        [relay.port, '/topic'],
        [relay.adminPort, '/healthz'],
      ] as const) {
        checkShape({ method: 'GET', path }, (await converse(port, requestText({ method: 'GET', path }), ['GET'])).text);
      }
    },
  );
});

/** Asks each when the one before is answered; gives what was answered until the connection was closed. */
async function inTurn(port: number, requests: readonly Asked[]): Promise<Heard[]> {
  const socket = connect({ port, host: '127.0.0.1' });
  const answers: Heard[] = [];
  try {
    let text = '';
    for (const asked of requests) {
      socket.write(requestText(asked));
      for (;;) {
        const { answers: heard, rest } = readAnswers(text, [asked.method]);
        if (heard.length === 1) {
          answers.push(heard[0] as Heard);
          text = rest;
          break;
        }
        const chunk = await new Promise<Buffer | undefined>((resolve, reject) => {
          socket.setTimeout(20_000, () => reject(new Error(`no answer to ${asked.method} ${asked.path}`)));
          socket
            .once('data', resolve)
            .once('close', () => resolve(undefined))
            .once('error', () => resolve(undefined));
        });
        if (chunk === undefined) return answers;
        text += chunk.toString('latin1');
      }
    }
    assert.equal(text, '');
    return answers;
  } finally {
    socket.destroy();
  }
}

test('what uWS refuses by itself, and clients that say nothing, are counted; what is answered is not', {
  timeout: 60_000,
}, async (t) => {
  const { relay } = await startLocalRelay(t);
  const { counters } = relay;
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST']) {
    await converse(relay.port, requestText({ method, path: '/publish/topic' }), [method]);
  }
  const unread = [
    'GET /topic HTTP/1.0\r\nHost: x\r\n\r\n',
    'GET\r\n\r\n',
    `GET /topic HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(120)}\r\n`,
    '',
  ];
  for (const write of unread) {
    const socket = connect({ port: relay.port, host: '127.0.0.1' }, () => socket.end(write));
    socket.on('error', () => {}).resume();
    await new Promise((resolve) => socket.once('close', resolve));
  }
  await until(() => counters.unanswered === unread.length);
});

test('the uptime is that of a clock nobody sets, and --host takes an IPv6 address in brackets', {
  timeout: 60_000,
}, async (t) => {
  // A day passes on the machine's clock a second after the start.
  const jump =
    'const real = Date.now; setTimeout(() => { Date.now = () => real() + 86400000; console.error("jumped"); }, 1000).unref();';
  const preload = `--import=data:text/javascript,${encodeURIComponent(jump)}`;
  const relay = await serve(t, ['--host', '[::1]', '--admin-host', '[::1]'], { NODE_OPTIONS: preload });
  const stats = async (): Promise<{ uptimeS: number }> =>
    (await (await fetch(`http://[::1]:${relay.adminPort}/stats`)).json()) as never;
  await relay.seen(/jumped/);
  const { uptimeS } = await stats();
  assert.ok(uptimeS < 3600, String(uptimeS));
  assert.equal((await fetch(`http://[::1]:${relay.port}/`)).status, 426);
});

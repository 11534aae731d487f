// Why a head is worse: profiles of real servers, and what two of them come to.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { renderComparisonHtml } from '../../../../bench/compare/report-html.js';
import { renderMarkdown, renderTerminal } from '../../../../bench/compare/report-text.js';
import { setUp } from '../../../../bench/compare/setup.js';
import { resolveSides, type Side } from '../../../../bench/compare/side.js';
import { readStacks, type Stacks } from '../../../../bench/compare/why/cpu-profile.js';
import { flameOf, topFunctions, type Why } from '../../../../bench/compare/why/difference.js';
import { canRecordNative, stacksOf } from '../../../../bench/compare/why/native-profile.js';
import { findWhy } from '../../../../bench/compare/why/play.js';
import { nativeEngine } from '../../../../bench/engines/native.js';
import { splitCores } from '../../../../bench/measure/pinning.js';
import { signalChild } from '../../../../bench/system/signal-child.js';
import { constructRepository, temporaryFolder } from '../../../support/constructed-repository.js';
import { sampleComparison } from '../../../support/sample-comparison.js';

const HOOK = fileURLToPath(new URL('../../../../bench/compare/why/profile-hook.cjs', import.meta.url));
const WS = fileURLToPath(new URL('../../../../../node_modules/ws', import.meta.url));

test('a profile is written also where SIGTERM ends a program that does not listen for it, and without what came before', async (t) => {
  const folder = temporaryFolder(t);
  const program = join(folder, 'program.js');
  writeFileSync(
    program,
    `function early() { const end = Date.now() + 200; while (Date.now() < end); }
    function late() { const end = Date.now() + 200; while (Date.now() < end); }
    early(); console.log(String(process.hrtime.bigint() / 1000n)); late(); console.log('done'); setInterval(() => {}, 1000);`,
  );
  const env = {
    ...process.env,
    NODE_OPTIONS: `--require ${JSON.stringify(HOOK)}`,
    FANWIRE_PROFILE_FOLDER: join(folder, 'out'),
  };
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said += text;
    if (said.includes('done')) signalChild(child, 'SIGTERM');
  });
  assert.equal(await ended, 143);
  const total = (stacks: Stacks, name: string): number =>
    [...stacks].reduce((sum, [stack, us]) => sum + (stack.includes(name) ? us : 0), 0);
  const all = readStacks(join(folder, 'out'), folder, 0);
  assert.ok(total(all, 'early\tprogram.js') > 50_000, 'named by the file in the checkout');
  const after = readStacks(join(folder, 'out'), folder, Number(said.split('\n')[0]));
  assert.ok(total(after, 'late\tprogram.js') > 50_000);
  assert.ok(total(after, 'early\tprogram.js') < 10_000);
});

test('functions that changed are compared by the delivery, by their own time, the largest change first', () => {
  const base = {
    stacks: new Map([
      ['a;b', 100],
      ['a', 50],
    ]),
    deliveries: 10,
  };
  const head = {
    stacks: new Map([
      ['a;b', 400],
      ['a;c', 20],
      ['a', 100],
    ]),
    deliveries: 20,
  };
  assert.deepEqual(topFunctions(base, head), [
    { name: 'b', baseNs: 10_000, headNs: 20_000 },
    { name: 'c', baseNs: 0, headNs: 1_000 },
  ]);
  const flame = flameOf(base, head);
  assert.deepEqual([flame.ns, flame.change], [26_000, 11_000]);
  const [a] = flame.children;
  assert.deepEqual([a?.name, a?.ns, a?.change], ['a', 26_000, 11_000]);
  assert.deepEqual(
    a?.children.map(({ name, change }) => [name, change]),
    [
      ['b', 10_000],
      ['c', 1_000],
    ],
  );
});

test('a flame graph is as high as what is drawn of it: a deep stack that is too thin for that takes no room', () => {
  const thin = Array.from({ length: 40 }, (_, i) => `f${i}\ta.js`).join(';');
  const head = {
    stacks: new Map([
      ['run\ta.js', 999],
      [thin, 1],
    ]),
    deliveries: 1,
  };
  const flame = flameOf({ stacks: new Map<string, number>(), deliveries: 1 }, head);
  const why: Why = { pairs: 2, scenario: 'fan-out', functions: [], flame, differences: [] };
  assert.match(renderComparisonHtml({ ...sampleComparison(1.8), why }), /class="flame" style="height:38px"/);
});

test('every report names the functions, and none of their names is markup', () => {
  const head = { stacks: new Map([['<img src=x>\tserver.js;@team\ta.js', 400]]), deliveries: 20 };
  const base = { stacks: new Map<string, number>(), deliveries: 20 };
  const why: Why = {
    pairs: 2,
    scenario: 'fan-out',
    functions: topFunctions(base, head),
    flame: flameOf(base, head),
    differences: ['ws 1 → 2'],
  };
  const comparison = { ...sampleComparison(1.8), why };
  const page = renderComparisonHtml(comparison);
  assert.match(page, /<h2>Why<\/h2>/);
  assert.match(
    page,
    /class="more" style="left:0\.000%;width:100\.000%;[^"]*--strength:60%" title="&lt;img src=x&gt; server.js: 20\.0 µs a delivery, \+20\.0 µs"/,
  );
  assert.match(page, /Locked packages that differ: ws 1 → 2/);
  assert.doesNotMatch(page, /<img src=x/);
  assert.match(
    renderMarkdown(comparison),
    /Where the CPU of a delivery went[^\n]*\n\n- @\u200bteam a.js: 0\.0 ns → 20\.0 µs a delivery \(\+20\.0 µs\)/,
  );
  assert.match(renderTerminal(comparison), / {2}@team a.js: 0\.0 ns/);
});

const relay = (rounds: number): string => `
const { WebSocketServer } = require('${WS}');
const topics = new Map();
function checksum(message) { let sum = 0; for (let i = 0; i < ${rounds}; i++) sum = (sum * 31 + message[i % message.length]) | 0; return sum; }
new WebSocketServer({ port: Number(process.env.PORT), host: '127.0.0.1' }).on('connection', (socket, { url }) => {
  if (!topics.has(url)) topics.set(url, new Set());
  const peers = topics.get(url).add(socket);
  socket.on('message', (message, binary) => { for (const peer of peers) if (peer !== socket) { checksum(message); peer.send(message, { binary }); } });
  socket.on('close', () => peers.delete(socket));
});`;

/** What two servers, each of a repository of its own, are found to differ in. */
async function whyOf(
  t: TestContext,
  servers: readonly [base: string, head: string],
): Promise<{ why: Why | undefined; head: Side }> {
  const versions = (version: string): string =>
    JSON.stringify({ lockfileVersion: 3, packages: { '': {}, 'node_modules/left-pad': { version } } });
  const places = servers.map((server, i) => {
    const repository = constructRepository(t);
    repository.write('server.js', server);
    repository.write('package-lock.json', versions(`1.${i}.0`));
    repository.commit();
    return repository;
  });
  const signal = new AbortController().signal;
  const cacheFolder = join(places[0]?.place as string, 'cache');
  mkdirSync(cacheFolder);
  const options = {
    build: 'true',
    start: 'node server.js',
    path: '',
    serveFlags: [],
    cacheFolder,
    say: () => {},
    signal,
  };
  const named = places.map(({ folder }, i) => ({ flag: i === 0 ? 'base' : 'head', spec: folder }));
  const [base, head] = (await resolveSides(named, options)) as [Side, Side];
  const cores = splitCores(1);
  const engine = nativeEngine({ cores: cores.generator, headers: {}, localAddresses: [], isInsecureAllowed: false });
  const plan = { subscribers: 10, rate: 50, durationS: 0.5, warmupS: 0 };
  const suite = { scenarios: [{ name: 'fan-out', scenario: 'fan-out', plan }] };
  const asked = { budget: 'cpu:+5%', capacityMs: 0, specs: ['.'], isFanwire: false, isPaired: true, say: () => {} };
  const [setup] = setUp(suite, asked);
  const watch = { playing: () => {}, played: () => {}, thrownAway: () => {} };
  assert.ok(setup);
  return { why: await findWhy({ base, head }, setup, { engine, cores, signal, watch }), head };
}

test('a slow function of the head is found by two further pairs, and what its lock file changes', async (t) => {
  const { why, head } = await whyOf(t, [relay(1), relay(50_000)]);
  assert.equal(why?.functions[0]?.name, 'checksum\tserver.js');
  assert.deepEqual(why?.differences, ['left-pad 1.0.0 → 1.1.0']);
  assert.ok(readdirSync(head.folder as string).includes('server.js'));
});

test('where perf can record, a slow function of native code is found by its name', {
  skip: canRecordNative() ? false : 'perf cannot record here',
}, async (t) => {
  const hashing = `const { createHash } = require('node:crypto'); const BIG = Buffer.alloc(256 * 1024);
    ${relay(1).replace('checksum(message);', "createHash('sha512').update(BIG).digest();")}`;
  const { why } = await whyOf(t, [relay(1), hashing]);
  const [first] = why?.native?.functions ?? [];
  assert.match(first?.name ?? '', /^sha512_block_data_order\w*\t/i);
  assert.ok(first !== undefined && first.headNs > 10 * first.baseNs);
  assert.ok(why?.native?.functions.some(({ name }) => name.endsWith('\tkernel')));
  assert.ok(
    why && renderComparisonHtml({ ...sampleComparison(1.8), why }).includes('<h3>Native code and the kernel</h3>'),
  );
});

test('stacks of perf are told from the loop on, JavaScript as one frame, libraries by their file', async () => {
  const lines = [
    '\t  7f01 us_socket_write (/app/node_modules/uws/uws_linux_x64_115.node)',
    '\t  7f02 uWS::TopicTree<int, char>::drain(unsigned int) (/app/node_modules/uws/uws_linux_x64_115.node)',
    '\t  3a01 [unknown] (//anon)',
    '\t  3a02 [unknown] (/tmp/perf-12.map)',
    '\t  5501 uv_run (/usr/bin/node)',
    '\t  5502 main (/usr/bin/node)',
    '',
    '\tffffffff81 tcp_sendmsg ([kernel.kallsyms])',
    '\t  7f03 [unknown] (/usr/lib/libc.so.6)',
    '',
  ];
  const stacks = await stacksOf(Readable.from(lines));
  assert.deepEqual(
    [...stacks.keys()],
    [
      'JavaScript;uWS::TopicTree<int, char>::drain(unsigned int)\tuws_linux_x64_115.node;us_socket_write\tuws_linux_x64_115.node',
      '(unnamed)\tlibc.so.6;tcp_sendmsg\tkernel',
    ],
  );
  assert.ok([...stacks.values()].every((us) => us > 2000 && us < 2010));
});

// Reports as text (terminal, Markdown, JUnit): an invalid run never shows a figure, a hostile name stays a name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { groupByScenario } from '../../../bench/report/grouping.js';
import { escapeXml, renderJunit } from '../../../bench/report/junit.js';
import { describeLoad } from '../../../bench/report/load-line.js';
import { escapeMarkdown, renderMarkdown } from '../../../bench/report/markdown.js';
import { sparkline } from '../../../bench/report/sparkline.js';
import { renderTerminal, terminalOptions } from '../../../bench/report/terminal.js';
import { judge } from '../../../bench/report/verdict.js';
import type { Result } from '../../../bench/result/result.js';
import { formatBytes, formatMs, formatNumber, formatRate } from '../../../src/base/page/format.js';
import { sampleResult } from '../../support/sample-result.js';

const plain = { width: 100, color: false };
const named = (name: string, overrides: Partial<Result> = {}) =>
  sampleResult(1, { target: { name, version: '1.0', cmd: name }, ...overrides });
const invalid = { valid: false, invalidReasons: ['the generator used 99 % of its core'] };

test('an invalid run shows its reasons in place of every figure of the server, in every format', () => {
  const result = sampleResult(1, invalid);
  for (const text of [renderTerminal([result], plain), renderMarkdown([result]), renderJunit([result])]) {
    assert.match(text, /the generator used 99 % of its core/);
    for (const figure of ['1.26 ms', '6.01 ms', '50.0 k/s', '500,000', '11.0 s'])
      assert.ok(!text.includes(figure), figure);
  }
});

test('the load is said as it was, where it is no whole number too', () => {
  const params = { ...sampleResult().params, rate: 0.5, durationS: 2.5, churnRate: 1500 };
  assert.equal(
    describeLoad([sampleResult(1, { params })]).join(' · '),
    '500 subscribers · 1 publisher · 0.5 msg/s · 64 B · 2.5 s · 1,500 replaced/s',
  );
});

test('beside a valid run, an invalid one has neither a figure nor a ratio', () => {
  const text = renderMarkdown([named('fanwire'), named('ws', invalid), sampleResult(3)]);
  assert.match(text, /\| Latency: p99 \| 6\.01 ms \| invalid \| 18\.0 ms ×3\.00 \|/);
});

test('the terminal block of one run reads as it should at 100 columns', () => {
  assert.equal(
    renderTerminal([sampleResult()], plain),
    `fan-out · native · fanwire 0.1.0
  ✓ Nothing lost, nothing twice, all in order
  500 subscribers · 1 publisher · 100 msg/s · 64 B · 10 s

  latency     p50 1.26 ms   p99 6.01 ms   p99.9 9.70 ms   max 26.9 ms          █▇▇▇█▇▇█▇▇██▇██████▇
  deliveries  50.0 k/s   500,000 of 500,000                                ▁▁▁▁████████████████████
  connections 500 of 500   in p50 1.20 ms, p99 4.80 ms                     ▃▅▇█████████████████████
  server CPU  up to 0.60 cores   11.0 s per million deliveries             ▆▆▆▆████████████████████
  memory      up to 62.6 MB   5.20 kB a connection                         ████████████████████████
  generator   CPU 42 %   slip p99 0.60 ms   event loop p99 1.30 ms
`,
  );
});

test('no line of the terminal report is wider than the terminal, one run or many', () => {
  const many = [named('fanwire'), named('a server with a rather long name'), named('ws', invalid)];
  for (const width of [40, 60, 80, 132]) {
    for (const results of [many.slice(0, 1), many]) {
      const lines = renderTerminal(results, { width, color: false }).split('\n');
      for (const line of lines) assert.ok([...line].length <= width, `${[...line].length} > ${width}: ${line}`);
    }
  }
});

test('results are told apart by what differs: a label, target, engine, parameters asked for, flags of the command, time; never by a number', () => {
  const asked = { ...sampleResult().params, rate: 200 };
  const labels = (results: Result[]) => groupByScenario(results)[0]?.labels;
  const noise = { ...sampleResult().params, generatorWaitedForCore: 0.2 };
  assert.deepEqual(labels([named('ws'), named('bun', { params: asked })]), ['ws 1.0', 'bun 1.0']);
  assert.deepEqual(labels([named('ws'), named('ws', { engine: 'k6' })]), ['ws 1.0, native', 'ws 1.0, k6']);
  assert.deepEqual(labels([named('ws'), named('ws', { params: asked })]), ['ws 1.0, rate 100', 'ws 1.0, rate 200']);
  const target = (cmd: string) => ({ target: { name: 'fanwire', version: '1.0', cmd } });
  const flags = ['fanwire serve --port 0 --workers 1', 'fanwire serve --port 0 --workers 2'];
  assert.deepEqual(labels(flags.map((cmd) => named('x', target(cmd)))), [
    'fanwire 1.0, --workers 1',
    'fanwire 1.0, --workers 2',
  ]);
  const later = { params: noise, startedAt: '2026-11-24T07:30:05Z' };
  assert.deepEqual(labels([named('ws'), named('ws', later)]), ['ws 1.0, 06:00:00 UTC', 'ws 1.0, 07:30:05 UTC']);
  assert.deepEqual(labels([named('ws'), named('ws')]), ['ws 1.0, run A', 'ws 1.0, run B']);
  const tagged = (label: string) => named('ws', { params: { ...asked, label } });
  assert.deepEqual(labels([tagged('before'), tagged('after')]), ['before', 'after']);
});

test('colour is for terminals that want it: NO_COLOR, a pipe and TERM=dumb are plain', () => {
  const terminal = { columns: 90, isTTY: true } as NodeJS.WriteStream;
  assert.deepEqual(terminalOptions(terminal, {}), { width: 90, color: true });
  assert.equal(terminalOptions(terminal, { NO_COLOR: '1' }).color, false);
  assert.equal(terminalOptions(terminal, { TERM: 'dumb' }).color, false);
  assert.equal(terminalOptions({ isTTY: false } as NodeJS.WriteStream, {}).color, false);
  assert.ok(!renderTerminal([sampleResult()], plain).includes('\x1b'));
});

test('a lost, doubled or reordered message fails a run, and a connection that did not open', () => {
  const lossy = { expected: 500_003, lost: 3 };
  const connections = { ...sampleResult().connections, opened: 499, failed: 1 };
  for (const spoilt of [lossy, { duplicated: 1 }, { outOfOrder: 1 }, { connections }]) {
    assert.equal(judge(sampleResult(1, spoilt)).kind, 'failed', JSON.stringify(spoilt));
  }
  const idle = sampleResult(1, { expected: 0, delivered: 0, params: { closedByServer: '1006: 3' } });
  assert.equal(judge(idle).headline, 'Connections closed by the server (1006: 3)');
  const xml = renderJunit([sampleResult(1, lossy), named('ws', invalid)]);
  assert.match(xml, /tests="2" failures="1" errors="1"/);
  assert.match(xml, /<failure message="3 of 500,003 deliveries lost">/);
});

test('what a server did wrong whatever the generator did fails a run that is not valid either, and is named first', () => {
  const died = judge(sampleResult(1, { ...invalid, serverFaults: ['the server process ended during the run'] }));
  assert.equal(died.kind, 'failed');
  assert.deepEqual(
    [died.headline, died.reasons],
    ['The server process ended during the run', invalid.invalidReasons as string[]],
  );
  const failed = (failures: { reason: string; count: number }[], overrides: Partial<Result> = {}) => {
    const count = failures.reduce((sum, one) => sum + one.count, 0);
    const connections = { ...sampleResult().connections, opened: 500 - count, failed: count, failures };
    return judge(sampleResult(1, { connections, ...overrides }));
  };
  const refused = failed([{ reason: 'HTTP 503', count: 21 }], invalid);
  assert.deepEqual([refused.kind, refused.headline], ['failed', '21 of 500 connections failed (21 × HTTP 503)']);
  // A machine without ports left says nothing about the server, nor does a handshake that a busy generator gave up on.
  assert.equal(failed([{ reason: 'EADDRNOTAVAIL', count: 3 }], invalid).kind, 'invalid');
  assert.equal(failed([{ reason: 'no handshake within 10 s', count: 3 }], invalid).kind, 'invalid');
  assert.equal(failed([{ reason: 'no handshake within 10 s', count: 3 }]).kind, 'failed');
  // An objective about failed connections decides alone.
  const params = { ...sampleResult().params, slo: 'failed<=30' };
  assert.equal(failed([{ reason: 'HTTP 503', count: 21 }], { params }).kind, 'good');
});

test('the objective of a run is part of its verdict, and decides alone about what it names', () => {
  const withSlo = (slo: string, overrides: Partial<Result> = {}) =>
    judge(sampleResult(1, { params: { ...sampleResult().params, slo }, ...overrides }));
  assert.deepEqual(withSlo('p99<20ms'), {
    kind: 'good',
    headline: 'Objective held (p99<20ms). Nothing lost, nothing twice, all in order',
    reasons: [],
    faults: [],
  });
  const step = { expected: 1, delivered: 1, lost: 0, deliveriesPerSecond: 1, p50: 1, p99: 1, max: 1, valid: true };
  const rates = [200, 100, 150].map((value) => ({ ...step, label: `${value} msg/s`, value, held: value < 200 }));
  assert.match(withSlo('p99<20ms', { steps: rates }).headline, /^Objective held up to 150 msg\/s \(p99<20ms\)/);
  assert.equal(withSlo('p99<5ms').headline, 'Objective missed: p99<5ms (measured 6.015 ms)');
  const lossy = { expected: 500_003, lost: 3 };
  assert.equal(withSlo('p99<20ms', lossy).kind, 'failed');
  assert.equal(withSlo('p99<20ms,loss<1%', lossy).kind, 'good');
  assert.equal(withSlo('p99<20ms', invalid).kind, 'invalid');
  assert.equal(withSlo('from another version').headline, 'Objective not understood: from another version');
});

test('a hostile name cannot move the cursor, open a Markdown cell or leave an XML attribute', () => {
  const hostile = '\x1b[2Jx\u202e | <img src=x onerror=alert(1)> `a` [b](http://c) "q" \'r\' \u0000 @all';
  const result = named(hostile, { scenario: hostile });
  const terminal = renderTerminal([result, named('ws', { scenario: hostile })], plain);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: looking for them is the test
  assert.doesNotMatch(terminal, /[\u0000-\u0009\u000b-\u001f\u202e]/);
  const rows = renderMarkdown([result]).split('\n');
  const unescapedBars = (line: string) => (line.match(/(?<!\\)\|/g) ?? []).length;
  assert.deepEqual([...new Set(rows.filter((line) => line.startsWith('|')).map(unescapedBars))], [3]);
  assert.ok(!renderMarkdown([result]).includes('<img'));
  assert.doesNotMatch(renderJunit([result]), /<img|onerror=alert\(1\)>|"q"/);
});

test('escaped text has no character that XML forbids or Markdown acts on, whatever it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: looking for them is the test
      assert.doesNotMatch(escapeXml(text), /[<>"'\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/);
      assert.doesNotMatch(escapeMarkdown(text), /[<>\n\r]|(?<!\\)[|`*_[\]{}~#]/);
    }),
  );
});

test('a figure as written has three telling digits from 1 on and two below, and its unit beside it', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.0001, max: 1e12, noNaN: true }), (value) => {
      const written = Number(formatNumber(value).replaceAll(',', ''));
      const tolerance = value < 1 ? 0.051 : 0.0051;
      assert.ok(Math.abs(written - value) <= value * tolerance, `${value} became ${formatNumber(value)}`);
    }),
  );
  assert.deepEqual(
    [formatRate(999_600), formatRate(12), formatBytes(8192), formatBytes(0), formatMs(null), formatMs(1234)],
    ['1.00 M/s', '12/s', '8.19 kB', '0 B', '–', '1,234 ms'],
  );
});

test('a sparkline keeps a single spike visible however much it squeezes, and shows a gap as a gap', () => {
  const values = new Array(1000).fill(1);
  values[777] = 100;
  assert.ok(sparkline(values, 20).includes('█'));
  assert.equal(sparkline([0, null, 8], 10), '▁ █');
});

test('of keys every report says how stale readers were, what was conflated and what an update cost, and of others nothing', () => {
  const { latencyMs, params, expected } = sampleResult();
  const staleness = { ...latencyMs, p50: 112, p99: 121.6, conflated: 4 * expected };
  const result = sampleResult(1, { staleness, params: { ...params, keys: 20, deliver: '100ms,latest-by-key:,' } });
  const text = renderTerminal([result], plain);
  assert.match(text, /staleness +p50 112 ms +p99 122 ms .*80 % conflated/);
  assert.match(text, /20 keys .*\sdelivered\sby/s);
  const markdown = renderMarkdown([result]);
  assert.match(markdown, /\| Staleness: p99 \| 122 ms \|/);
  // 5.5 s of CPU for 2.5 million updates to subscribers, of which a fifth were delivered.
  assert.match(markdown, /\| Server: CPU per million updates \| 2\.20 s \|/);
  for (const render of [renderTerminal([sampleResult()], plain), renderMarkdown([sampleResult()])]) {
    assert.doesNotMatch(render, /[Ss]tale|conflated|updates/);
  }
});

// Standings of interleaved rounds: ratios within a round, invalid runs left out and said, nothing averaged away.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Result } from '../../../bench/result/result.js';
import { medianRuns, type ServerRun, spread, standings } from '../../../bench/standings/standings.js';
import { standingsMarkdown } from '../../../bench/standings/standings-markdown.js';
import { sampleResult } from '../../support/sample-result.js';

function run(server: string, round: number, slowness: number, overrides: Partial<Result> = {}): ServerRun {
  const target = { name: server, version: '1', cmd: server };
  const cost = { cpuSeconds: 1, cpuPerMillionDeliveries: 10 * slowness, rssMax: 1, rssPerConnection: null };
  const result = sampleResult(slowness, { target, server: cost, ...overrides });
  return { server, scenario: 'fan-out', round, result };
}

const invalid = { valid: false, invalidReasons: ['the generator was busy'] };

test('a machine that becomes twice as slow between rounds does not move the ratio', () => {
  const runs = [run('fanwire', 1, 1), run('ws', 1, 3), run('ws', 2, 6), run('fanwire', 2, 2)];
  const [base, ws] = standings(runs, 'fan-out', 'fanwire');
  assert.equal(base?.cpuRatio, null);
  assert.deepEqual(ws?.cpuRatio, { median: 3, min: 3, max: 3 });
  assert.ok(Math.abs((ws?.p99Ratio?.median ?? 0) - 3) < 0.01);
  assert.deepEqual(ws?.cpuPerMillionS, { median: 45, min: 30, max: 60 });
});

test('an invalid or failed run gives no figure and no ratio, and is counted with its reason', () => {
  const failed: ServerRun = {
    server: 'bun',
    scenario: 'fan-out',
    round: 1,
    result: undefined,
    failure: 'it ended with 1',
  };
  const runs = [
    run('fanwire', 1, 1),
    run('ws', 1, 100, invalid),
    failed,
    run('fanwire', 2, 1, invalid),
    run('ws', 2, 3),
  ];
  const [, ws, bun] = standings(runs, 'fan-out', 'fanwire');
  assert.deepEqual({ valid: ws?.valid, rounds: ws?.rounds, ratio: ws?.p99Ratio }, { valid: 1, rounds: 2, ratio: null });
  assert.deepEqual(ws?.reasons, ['the generator was busy']);
  assert.deepEqual({ valid: bun?.valid, reasons: bun?.reasons }, { valid: 0, reasons: ['it ended with 1'] });
});

test('the base stands first, the others by CPU per delivery, those without a figure last', () => {
  const runs = [run('none', 1, 1, invalid), run('ws', 1, 3), run('limit', 1, 0.5), run('fanwire', 1, 1)];
  const order = standings(runs, 'fan-out', 'fanwire').map((row) => row.server);
  assert.deepEqual(order, ['fanwire', 'limit', 'ws', 'none']);
});

test('a spread is median, least and most of what is known', () => {
  assert.deepEqual(spread([4, null, 1, 2]), { median: 2, min: 1, max: 4 });
  assert.deepEqual(spread([4, 1]), { median: 2.5, min: 1, max: 4 });
  assert.equal(spread([null]), null);
});

test('the run shown whole for a server is its median round, never an invalid one while it has a valid one', () => {
  const runs = [run('ws', 1, 5), run('ws', 2, 1), run('ws', 3, 2), run('ws', 4, 1.5, invalid)];
  assert.deepEqual(medianRuns(runs, 'fan-out'), [runs[2]?.result]);
  assert.deepEqual(medianRuns([runs[3] as ServerRun], 'fan-out'), [runs[3]?.result]);
});

test('the Markdown names the command, gives ratios with their spread and says who was not there and why', () => {
  const runs = [
    run('fanwire', 1, 1),
    run('ws', 1, 3),
    run('fanwire', 2, 1),
    run('ws', 2, 4, { expected: 500_250, lost: 250 }),
  ];
  const text = standingsMarkdown(runs, 'fanwire', 'npm run bench:peers', [{ name: 'bun', reason: 'npm install bun' }]);
  assert.match(text, /^`npm run bench:peers`/);
  assert.match(
    text,
    /\| ws 1 \| 4\.40 ms \(3\.77–5\.03\) \| .* \| ×3\.50 \(3\.00–4\.00\) \| 250 \(0\.025 %\) \| 2 of 2 \|/,
  );
  assert.match(text, /- bun: npm install bun/);
  const refused = [
    run('fanwire', 1, 1),
    run('ws', 1, 3, invalid),
    run('ws', 2, 3, { ...invalid, invalidReasons: ['another'] }),
  ];
  assert.match(
    standingsMarkdown(refused, 'fanwire', '', []),
    /- ws: 2 runs left out, for one: the generator was busy\n/,
  );
});

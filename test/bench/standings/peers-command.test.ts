// `npm run bench:peers` as a process: real servers, real rounds, files that the published schema and the reports
// accept.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Result } from '../../../bench/result/result.js';
import { readResults } from '../../../bench/result/result-validate.js';

const COMMAND = 'dist/bench/standings/main.js';

test('two servers, one short round: every result obeys the published schema, and all three files are written', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-peers-'));
  try {
    const flags =
      '--peer uws socket.io --scenario fan-out many-topics --rounds 1 --duration 1 --subscribers 400 --out'.split(' ');
    const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...flags, folder], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    assert.equal(status, 0, stderr);
    const schema = JSON.parse(readFileSync('bench/result.schema.json', 'utf8'));
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats: { 'date-time': true, base64: true } });
    const results = JSON.parse(readFileSync(join(folder, 'rounds.json'), 'utf8')) as Result[];
    for (const result of results) assert.ok(ajv.validate(schema, result), ajv.errorsText());
    assert.equal(readResults(join(folder, 'rounds.json')).length, results.length);
    const ran = results.map((result) => `${result.scenario} ${result.target.name}`).sort();
    // Socket.IO has one room only, so many-topics is not for it.
    assert.deepEqual(ran, [
      'fan-out fanwire',
      'fan-out socket.io',
      'fan-out uws',
      'many-topics fanwire',
      'many-topics uws',
    ]);
    for (const result of results) assert.ok(result.delivered > 0, `${result.target.name} delivered nothing`);
    assert.equal(stdout, readFileSync(join(folder, 'peers.md'), 'utf8'));
    assert.match(stdout, /### fan-out[\s\S]*\| fanwire [\d.]+ \|[\s\S]*### many-topics/);
    assert.match(readFileSync(join(folder, 'peers.html'), 'utf8'), /^<!doctype html>/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a wrong flag of bench:peers is one line and exit code 2', () => {
  for (const flags of [['--peer', 'wss'], ['--scenario', 'max-rate'], ['--rounds', '0'], ['--no-such-flag']]) {
    const { status, stderr } = spawnSync(process.execPath, [COMMAND, ...flags], { encoding: 'utf8', timeout: 30_000 });
    assert.equal(status, 2, `${flags}: ${stderr}`);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
});

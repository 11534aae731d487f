// The result format: one definition, a published JSON Schema that agrees with it, and no contradiction accepted.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type Result, resultJsonSchema } from '../../../bench/result/result.js';
import { readResults, validateResult } from '../../../bench/result/result-validate.js';
import { sampleResult } from '../../support/sample-result.js';

const published = JSON.parse(readFileSync('bench/result.schema.json', 'utf8'));
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats: { 'date-time': true, base64: true } });
const obeysPublishedSchema = ajv.compile(published);

test('the published JSON Schema is the one that the zod schema gives', () => {
  assert.deepEqual(published, resultJsonSchema());
});

test('a whole result passes both the published JSON Schema and the harness', () => {
  const result = JSON.parse(JSON.stringify(sampleResult()));
  assert.equal(obeysPublishedSchema(result), true, JSON.stringify(obeysPublishedSchema.errors));
  assert.deepEqual(validateResult(result, 'r.json'), result);
});

const wrong: [string, (result: Record<string, unknown>) => void, RegExp][] = [
  ['a field that is missing', (r) => delete r.latencyMs, /latencyMs/],
  ['a field that no one knows', (r) => Object.assign(r, { latency: 1 }), /latency/],
  ['a negative count', (r) => Object.assign(r, { lost: -1 }), /lost/],
  ['another schema', (r) => Object.assign(r, { schema: 'fanwire.result/2' }), /schema/],
  ['a count that is no number', (r) => Object.assign(r, { published: '1000' }), /published/],
];
for (const [name, spoil, names] of wrong) {
  test(`a result with ${name} is refused, and the error names the file and the field`, () => {
    const result = JSON.parse(JSON.stringify(sampleResult()));
    spoil(result);
    assert.equal(obeysPublishedSchema(result), false);
    assert.throws(() => validateResult(result, 'r.json'), { code: 'FANWIRE_RESULT_INVALID', message: names });
    assert.throws(() => validateResult(result, 'r.json'), /^FanwireError: r\.json /);
  });
}

const contradictions: [string, Partial<Result>][] = [
  ['valid with reasons not to be', { invalidReasons: ['generator saturated'] }],
  ['invalid without a reason', { valid: false }],
  ['losing what it also delivered', { lost: 5 }],
  ['opening more connections than it asked for', { connections: { ...sampleResult().connections, opened: 501 } }],
];
for (const [name, overrides] of contradictions) {
  test(`a result that contradicts itself by ${name} is refused`, () => {
    assert.throws(() => validateResult(sampleResult(1, overrides), 'r.json'), { code: 'FANWIRE_RESULT_INVALID' });
  });
}

test('a file may hold one result or an array of them; anything else is named in one line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-result-'));
  try {
    const file = join(folder, 'r.json');
    writeFileSync(file, JSON.stringify([sampleResult(), sampleResult(2)]));
    assert.equal(readResults(file).length, 2);
    writeFileSync(file, '{"schema":');
    assert.throws(() => readResults(file), { code: 'FANWIRE_RESULT_UNREADABLE' });
    assert.throws(() => readResults(join(folder, 'none.json')), { code: 'FANWIRE_RESULT_UNREADABLE' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

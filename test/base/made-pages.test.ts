// Pages of docs/ that are made from the source are up to date.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { between } from '../../scripts/between-marks.js';
import { COPIED, copiedText, copyOf } from '../../scripts/k6-copies.js';
import { madePages } from '../../scripts/pages.js';

const DOCS = new URL('../../../docs/', import.meta.url);

test('the pages of options, settings, metrics and errors are what is declared (npm run docs writes them)', () => {
  for (const [name, page] of Object.entries(madePages(DOCS))) {
    assert.equal(readFileSync(new URL(name, DOCS), 'utf8'), page, name);
  }
});

test('what the k6 scripts share with the rest and cannot import is a copy of it', () => {
  for (const name of COPIED) assert.equal(readFileSync(copyOf(name), 'utf8'), copiedText(name), name);
});

test('a page without its marks is not written over', () => {
  assert.throws(() => between('# A page', 'metrics', 'x'), /has no "<!-- metrics: made by/);
});

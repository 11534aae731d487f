// The server's CPU and memory as read from outside, in both ways there are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePsTime, readProc, readPs } from '../../../bench/measure/server-load.js';
import { needs, needsProc } from '../../support/needs.js';

test('CPU time is read in every form that ps prints', () => {
  assert.equal(parsePsTime('0:01.50'), 1.5);
  assert.equal(parsePsTime('02:03:04'), 7384);
  assert.equal(parsePsTime('1-02:03:04.25'), 93_784.25);
});

test('ps and /proc tell the same of a process and its children', {
  skip: needsProc.skip || needs('ps').skip,
}, () => {
  const [byPs, byProc] = [readPs([process.pid]), readProc([process.pid])];
  // ps sees itself, as a child that /proc shows no longer.
  assert.equal(byPs.length, byProc.length + 1);
  const [mine, same] = [byPs[0], byProc[0]];
  assert.ok(mine && same);
  assert.ok(Math.abs(mine.rssBytes - same.rssBytes) < 0.2 * same.rssBytes, `${mine.rssBytes} and ${same.rssBytes}`);
  assert.ok(mine.cpuS <= same.cpuS + 1 && mine.cpuS >= same.cpuS - 2, `${mine.cpuS} and ${same.cpuS}`);
});

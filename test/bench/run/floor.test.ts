// The meter's own length, measured against an echo on this machine.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nativeEngine } from '../../../bench/engines/native.js';
import { measureFloor } from '../../../bench/run/floor.js';
import { PLAN_DEFAULTS } from '../../../bench/scenarios/scenario.js';

test('every engine that plays WebSockets has a floor, by one subscriber and whatever the plan was', async () => {
  const plan = {
    ...PLAN_DEFAULTS,
    subscribers: 400,
    topics: 20,
    publishers: 20,
    payloadBytes: 1 << 20,
    binary: true,
    churnRate: 50,
  };
  const floor = await measureFloor(nativeEngine(), plan, [], new AbortController().signal);
  assert.ok(floor !== undefined && floor.p50 !== null && floor.p50 > 0, JSON.stringify(floor));
  assert.ok((floor.p99 as number) >= floor.p50);
});

test('an interrupted measurement ends with the reason, one that cannot be made with nothing', async () => {
  const failing = { name: 'native' as const, play: () => Promise.reject(new Error('no')) };
  assert.equal(await measureFloor(failing, PLAN_DEFAULTS, [], new AbortController().signal), undefined);
  const interrupted = AbortSignal.abort(new Error('interrupted'));
  await assert.rejects(measureFloor(nativeEngine(), PLAN_DEFAULTS, [], interrupted), /interrupted/);
});

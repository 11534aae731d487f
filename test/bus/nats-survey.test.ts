// Questions to other nodes while those do not answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NatsConnection } from '@nats-io/transport-node';
import { NatsSurveys } from '../../src/bus/nats-survey.js';

test('so many questions wait for other nodes; of more, this node answers alone, and says so', async () => {
  const warned: string[] = [];
  const silent = { requestMany: () => new Promise(() => {}) } as unknown as NatsConnection;
  const surveys = new NatsSurveys('fanwire', () => silent, { warn: (what) => warned.push(what), flush: () => {} });
  const ask = (n: number) => surveys.ask({ topic: `topic-${n}`, wants: 'members', reach: 'cluster' });
  for (let n = 0; n < 1000; n++) void ask(n);
  assert.deepEqual(warned, []);
  assert.deepEqual(await ask(1000), []);
  assert.deepEqual(warned, ['too many questions to other nodes: answered by this node alone']);
  // Who asks what is asked already shares its answer.
  const shared = await Promise.race([ask(999), new Promise((resolve) => setImmediate(resolve, 'waits'))]);
  assert.equal(shared, 'waits');
});

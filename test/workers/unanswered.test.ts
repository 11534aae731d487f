// A worker that is stuck is not asked for figures without end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkerSetup } from '../../src/workers/messages.js';
import { WorkerThread } from '../../src/workers/thread.js';

/** Answers nothing, and ends when told to. */
const STUCK = `import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ op }) => op === 'close' && process.exit());`;

test('questions that a stuck worker leaves unanswered have a bound; what it is told is not among them', async () => {
  const setup = { index: 3, links: [] } as unknown as Omit<WorkerSetup, 'letGo'>;
  const thread = new WorkerThread(new URL(`data:text/javascript,${encodeURIComponent(STUCK)}`), setup);
  const asked = Array.from({ length: 1000 }, () => thread.call('stats', []));
  await assert.rejects(thread.call('stats', []), { message: 'worker 3 does not answer' });
  const told = thread.call('reload', []);
  void thread.call('close', []).catch(() => {});
  await thread.ended;
  for (const call of [...asked, told])
    await assert.rejects(call, { code: 'FANWIRE_WORKER_GONE', message: /has ended/ });
});

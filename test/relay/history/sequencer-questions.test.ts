// What a thread asks a topic's owner, and when, without threads, sockets and clocks: the owner is played record by
// record.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { readRecord, type SequenceRecord, writeRecord } from '../../../src/protocol/sequence-record.js';
import type { TopicHistory } from '../../../src/relay/history/history.js';
import { MemoryHistory } from '../../../src/relay/history/memory.js';
import type { Numbered } from '../../../src/relay/history/numbering.js';
import { RecentPublishes } from '../../../src/relay/history/recent-publishes.js';
import { Sequencer } from '../../../src/relay/history/sequencer.js';
import { SimulatedThreads } from '../../support/simulated-threads.js';
import { VirtualTime } from '../../support/virtual-time.js';

const EPOCH = 'e1';
const RULE = { pattern: '*', maxMessages: 100, ttlMs: 3_600_000, maxBytes: 1 << 20 };

/** A thread with a sequencer, and an owner of all topics that says what it is told to. */
function scripted(t: TestContext) {
  const mesh = new SimulatedThreads(2, () => 0);
  const owner = mesh.rise(0);
  const said: SequenceRecord[] = [];
  owner.attend({
    record: (_, __, bytes) => said.push(readRecord(bytes).record),
    gone: () => {},
    came: () => {},
    doubt: () => {},
  });
  const heard: Numbered[] = [];
  const broken: string[] = [];
  const sequencer = new Sequencer(new MemoryHistory([RULE], 1 << 24), mesh.rise(1), new RecentPublishes());
  sequencer.start({
    numbered: (message) => heard.push({ ...message }),
    overtaken: () => {},
    unowned: () => {},
    broken: (topic) => broken.push(topic),
  });
  t.after(() => sequencer.stop());
  const settle = (): void => {
    while (mesh.deliver(0));
  };
  const tell = (record: SequenceRecord, topic = 'topic'): void => {
    owner.send(1, topic, writeRecord(record, '1'));
    settle();
  };
  const join = (topic = 'topic'): TopicHistory => {
    const history = sequencer.open(topic) as TopicHistory;
    sequencer.hold(history);
    settle();
    return history;
  };
  /** The number of the last question of a kind. */
  const lastAsked = (is: 'ask' | 'where'): number => {
    const last = said.findLast((record) => record.is === is);
    return last !== undefined && 'ask' in last ? last.ask : 0;
  };
  /** Answers question `ask` with messages 1 to `seq`. */
  const answer = (seq: number, ask = lastAsked('ask')): void => {
    tell({ is: 'kept', ask, epoch: EPOCH, floor: 0 });
    for (let n = 1; n <= seq; n++) tell({ is: 'message', seq: n, after: n - 1, age: 0 });
    tell({ is: 'end', seq, last: seq });
  };
  const publish = (seq: number, topic = 'topic'): void =>
    tell({ is: 'numbered', epoch: EPOCH, seq, after: seq - 1 }, topic);
  const asks = (): number => said.filter(({ is }) => is === 'ask').length;
  return { mesh, sequencer, said, heard, broken, settle, tell, join, lastAsked, answer, publish, asks };
}

test('after a doubt the owner is asked anew, nobody is answered before, and an answer to the first question is none', (t) => {
  const { mesh, settle, join, lastAsked, answer, asks } = scripted(t);
  const copy = join();
  const first = lastAsked('ask');
  mesh.doubt(1);
  settle();
  assert.notEqual(lastAsked('ask'), first);
  answer(3, first);
  assert.equal(copy.isReady, false);
  answer(3);
  assert.deepEqual([copy.isReady, copy.seq], [true, 3]);
  mesh.doubt(1);
  settle();
  assert.deepEqual([copy.isReady, asks()], [false, 3]);
});

test('subscribers of a topic that went on without them are told, others are not', (t) => {
  const { mesh, settle, broken, join, answer } = scripted(t);
  join();
  answer(1);
  for (const [seq, told] of [
    [1, 0],
    [2, 1],
  ] as const) {
    mesh.doubt(1);
    settle();
    answer(seq);
    assert.equal(broken.length, told);
  }
});

test('a message that does not follow has the copy asked for, and is for raw subscribers only', (t) => {
  const { heard, join, answer, publish, asks } = scripted(t);
  join();
  answer(1);
  publish(2);
  publish(5);
  assert.deepEqual(
    heard.map(({ seq, isForRawOnly }) => [seq, isForRawOnly === true]),
    [
      [2, false],
      [5, true],
    ],
  );
  assert.equal(asks(), 2);
  // A copy on which that message does not follow either is no use.
  answer(3);
  assert.equal(asks(), 3);
});

test('messages of a topic that nobody here is in are passed over', (t) => {
  const { heard, publish, said } = scripted(t);
  publish(1);
  assert.deepEqual([heard, said], [[], []]);
});

test('a subscriber that is ahead of the copy is let in when the copy has come as far as the owner says', (t) => {
  const { tell, settle, join, lastAsked, answer, publish, heard } = scripted(t);
  const copy = join();
  answer(1);
  let heardBefore = -1;
  copy.whenReady(
    () => {
      heardBefore = heard.length;
    },
    () => true,
    { epoch: EPOCH, seq: 3 },
  );
  settle();
  tell({ is: 'here', ask: lastAsked('where'), epoch: EPOCH, seq: 3, last: 3 });
  publish(2);
  assert.equal(heardBefore, -1);
  publish(3);
  assert.equal(heardBefore, 2, 'once the message has gone out');
});

test('an owner that is in another sequence has its copy asked for', (t) => {
  const { tell, settle, join, lastAsked, answer, asks } = scripted(t);
  const copy = join();
  answer(1);
  copy.whenReady(
    () => {},
    () => true,
    { epoch: EPOCH, seq: 3 },
  );
  settle();
  tell({ is: 'here', ask: lastAsked('where'), epoch: 'other', seq: 1, last: 1 });
  assert.deepEqual([copy.isReady, asks()], [false, 2]);
});

test('messages that the owner told of and that never come have the copy asked for', async (t) => {
  const time = new VirtualTime(t);
  const { tell, settle, join, lastAsked, answer, asks } = scripted(t);
  const copy = join();
  answer(1);
  copy.whenReady(
    () => {},
    () => true,
    { epoch: EPOCH, seq: 3 },
  );
  settle();
  tell({ is: 'here', ask: lastAsked('where'), epoch: EPOCH, seq: 3, last: 3 });
  await time.pass(7000);
  settle();
  assert.equal(asks(), 2);
});

test('an owner that sends copies of other topics has more time before it is asked again', async (t) => {
  const time = new VirtualTime(t);
  const { tell, settle, join, lastAsked, asks } = scripted(t);
  join();
  await time.pass(4000);
  tell({ is: 'kept', ask: lastAsked('ask'), epoch: EPOCH, floor: 0 }, 'other');
  await time.pass(3000);
  settle();
  assert.equal(asks(), 1);
  await time.pass(4000);
  settle();
  assert.equal(asks(), 2);
});

test('a publish whose answer never comes is answered after a while as one that cannot be known, and an answer later is none', async (t) => {
  const time = new VirtualTime(t);
  const { sequencer, settle, tell, said } = scripted(t);
  const answers: (number | undefined)[] = [];
  const payload = { body: '1', raw: '1' };
  const publish = (): boolean =>
    sequencer.publish({ topic: 'topic', body: '1', from: undefined, sender: undefined, payload }, (seq) =>
      answers.push(seq),
    );
  assert.equal(publish(), true);
  await time.pass(20_000);
  assert.equal(publish(), true);
  settle();
  await time.pass(12_000);
  assert.deepEqual(answers, [undefined]);
  const acks = said.flatMap((record) => (record.is === 'publish' && record.ack !== undefined ? [record.ack] : []));
  for (const [index, ack] of acks.entries()) tell({ is: 'ack', ack, seq: index + 1 });
  assert.deepEqual(answers, [undefined, 2]);
  assert.equal(sequencer.unacknowledged.size, 0);
});

test('of publishes that an owner leaves unanswered, so many wait and no more', (t) => {
  const { sequencer } = scripted(t);
  let unknown = 0;
  const payload = { body: '1', raw: '1' };
  for (let n = 0; n < 100_010; n++) {
    sequencer.publish({ topic: 'topic', body: '1', from: undefined, sender: undefined, payload }, (seq) => {
      if (seq === undefined) unknown++;
    });
  }
  assert.deepEqual([sequencer.unacknowledged.size, unknown], [100_000, 10]);
});

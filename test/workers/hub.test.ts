// Between workers and other nodes: NATS hears of a topic once, however many workers want it, and no more when the last
// has gone.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type Bus, CrossingKind, type Deliver, NO_STATUS } from '../../src/bus/bus.js';
import { InterestTable } from '../../src/bus/interest-table.js';
import { noBus } from '../../src/bus/none.js';
import { ThreadsBus } from '../../src/bus/threads.js';
import { Hub } from '../../src/workers/hub.js';
import { linkPair } from '../../src/workers/mesh.js';

/** Two workers and a hub in this thread; `said` is what the hub told the bus to other nodes. */
function node(t: TestContext) {
  const said: string[] = [];
  let fromNodes: Deliver = () => {};
  const nodes: Bus = {
    ...noBus,
    start: (deliver) => {
      fromNodes = deliver;
    },
    subscribe: (topic) => said.push(`subscribe ${topic}`),
    unsubscribe: (topic) => said.push(`unsubscribe ${topic}`),
    forward: (topic, message) => said.push(`forward ${topic} ${Buffer.from(message as Uint8Array)}`),
  };
  const interest = InterestTable.allocate(2);
  const hub = new Hub(2, interest, nodes);
  const [one, two] = [linkPair(0, 2, 65_536), linkPair(1, 2, 65_536)];
  const between = linkPair(0, 1, 65_536);
  const workers = [
    new ThreadsBus({ self: 0, interest, links: [one.ofA, between.ofA], hub: 2 }),
    new ThreadsBus({ self: 1, interest, links: [two.ofA, between.ofB], hub: 2 }),
  ] as const;
  hub.connect(one.ofB);
  hub.connect(two.ofB);
  const alive = setInterval(() => {}, 1000);
  t.after(() => {
    clearInterval(alive);
    return Promise.all([hub.close(), ...workers.map((worker) => worker.close())]);
  });
  return {
    said,
    hub,
    workers,
    receive: (topic: string, text: string) => fromNodes(topic, Buffer.from(text), CrossingKind.text),
  };
}

/** Resolves once `said` has as many entries as `expected`, and they are the same. */
async function says(said: readonly string[], expected: readonly string[]): Promise<void> {
  while (said.length < expected.length) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(said, expected);
}

test('a topic that two workers want is subscribed to once, until the second has left or died', async (t) => {
  const { said, hub, workers } = node(t);
  for (const worker of workers) worker.start(() => {});
  workers[0].subscribe('news');
  workers[1].subscribe('news');
  workers[1].subscribe('other');
  await says(said, ['subscribe news', 'subscribe other']);
  workers[0].unsubscribe('news');
  workers[0].forward('end', Buffer.from('of worker 0'), CrossingKind.text);
  await says(said, ['subscribe news', 'subscribe other', 'forward end of worker 0']);
  hub.disconnect(1);
  await says(said.slice(3), ['unsubscribe news', 'unsubscribe other']);
});

test('what comes from other nodes goes to the workers that want it, and back to no node', async (t) => {
  const { said, hub, workers, receive } = node(t);
  const heard: string[] = [];
  workers[0].start((_topic, message) => heard.push(`0 ${Buffer.from(message)}`));
  workers[1].start((_topic, message) => heard.push(`1 ${Buffer.from(message)}`));
  workers[1].subscribe('news');
  await says(said, ['subscribe news']);
  receive('nobody wants', 'x');
  receive('news', 'from afar');
  await says(heard, ['1 from afar']);
  assert.deepEqual(said, ['subscribe news']);
  assert.deepEqual(hub.status(), NO_STATUS);
});

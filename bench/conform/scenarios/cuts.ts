// Connections that are cut, and what the client recovers or reports afterwards.
import type { ConformScenario, Stage } from '../stage.js';

const ROOM = 'room';
/** Frames of the relay in a round of `cut-at-every-frame`: hello, ok, pong and messages, live and replayed. */
const ROUNDS = 14;

/** Cuts all connections; true once the client is back in the topic. */
async function comesBack(stage: Stage, topic = ROOM): Promise<boolean> {
  const { relay } = stage;
  const before = relay.connections.length;
  relay.cutAll();
  return stage.until(() => relay.connections.length > before && relay.last?.topics.has(topic) === true);
}

export const CUTS: readonly ConformScenario[] = [
  {
    name: 'cut-at-every-frame',
    about: `cuts after the 1st, 2nd, … ${ROUNDS}th frame that the relay says, with messages before, between and after`,
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      const sent: string[] = [];
      const publish = (): void => {
        sent.push(`message ${sent.length}`);
        relay.publish(ROOM, { data: sent.at(-1) });
      };
      for (let frames = 1; frames <= ROUNDS; frames++) {
        await stage.until(() => relay.last?.topics.has(ROOM) === true);
        relay.cutAfter = frames;
        for (let n = 0; n < 4; n++) publish();
        const before = relay.connections.length;
        if (frames > 4) relay.cutAll(); // the remaining frames are sent on the new connection
        const isCut = (): boolean => relay.cutAfter <= 0 || relay.connections.length > before + 1;
        await stage.until(isCut, 1500);
        relay.cutAfter = Number.POSITIVE_INFINITY;
        publish();
        await stage.until(() => client.messages(ROOM).length >= sent.length);
      }
      await stage.pass(60);
      stage.judgeEqual('hears every message, in order, once', client.messages(ROOM), sent);
      stage.judgeEqual('has no gap, since nothing is missing', client.gaps(ROOM), []);
      const later = relay.said('sub').slice(1);
      const positions = later.map(({ since }) => since);
      const areRight = positions.every(
        (since, n) => since?.epoch === 'first' && since.seq >= (positions[n - 1]?.seq ?? 0),
      );
      stage.judge(
        'says its position each time it comes back',
        later.length > 0 && areRight,
        'since with the epoch, seq rising',
        positions,
      );
    },
  },
  {
    name: 'cut-in-a-frame',
    about: 'cuts after the first bytes of a frame',
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      for (let n = 0; n < 4; n++) {
        relay.publish(ROOM, { data: 2 * n });
        await stage.until(() => client.messages(ROOM).length > 2 * n);
        const { length } = relay.connections;
        relay.last?.cutInFrame();
        relay.topic(ROOM).keep({ data: 2 * n + 1 });
        await stage.until(() => relay.connections.length > length && relay.last?.topics.has(ROOM) === true);
      }
      await stage.heard(ROOM, 8);
      stage.judgeEqual('hears every message, in order, once', client.messages(ROOM), [0, 1, 2, 3, 4, 5, 6, 7]);
      stage.judgeEqual('has no gap', client.gaps(ROOM), []);
    },
  },
  {
    name: 'duplicates-after-a-cut',
    about: 'a replay that begins too early, and messages that come twice',
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      for (let n = 1; n <= 3; n++) relay.publish(ROOM, { data: n });
      await stage.until(() => client.messages(ROOM).length === 3);
      relay.hear = (op, connection) => {
        if (op.op !== 'sub') return false;
        connection.handle(op);
        for (const { seq, data } of relay.topic(ROOM).kept) connection.say({ op: 'msg', topic: ROOM, data, seq });
        return true;
      };
      await comesBack(stage);
      const four = relay.publish(ROOM, { data: 4 });
      relay.last?.message(ROOM, four);
      await stage.heard(ROOM, 4);
      stage.judgeEqual('hears nothing twice', client.messages(ROOM), [1, 2, 3, 4]);
    },
  },
  {
    name: 'epoch-changes',
    about: 'the relay lost the sequence, twice',
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      for (let n = 1; n <= 5; n++) relay.publish(ROOM, { data: n });
      await stage.until(() => client.messages(ROOM).length === 5);
      relay.topic(ROOM).forget('second');
      relay.topic(ROOM).keep({ data: 'missed' });
      await comesBack(stage);
      relay.publish(ROOM, { data: 6 });
      await stage.until(() => client.messages(ROOM).length === 6);
      stage.judgeEqual('tells the gap and why', client.gaps(ROOM), ['epoch-changed']);
      await comesBack(stage);
      relay.publish(ROOM, { data: 7 });
      await stage.heard(ROOM, 7);
      stage.judgeEqual('goes on in the new sequence from where it is', relay.said('sub').at(-1)?.since, {
        epoch: 'second',
        seq: 2,
      });
      stage.judgeEqual(
        'hears all that follows, though the numbers are lower',
        client.messages(ROOM),
        [1, 2, 3, 4, 5, 6, 7],
      );
      relay.topic(ROOM).forget('third');
      await comesBack(stage);
      await stage.until(() => client.gaps(ROOM).length > 1);
      stage.judgeEqual('tells the second gap', client.gaps(ROOM), ['epoch-changed', 'epoch-changed']);
    },
  },
  {
    name: 'too-old',
    about: 'what was missed is no longer kept',
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      relay.publish(ROOM, { data: 1 });
      await stage.until(() => client.messages(ROOM).length === 1);
      for (let n = 2; n <= 5; n++) relay.topic(ROOM).keep({ data: n });
      relay.topic(ROOM).kept.splice(0, 4);
      await comesBack(stage);
      relay.publish(ROOM, { data: 6 });
      await stage.heard(ROOM, 2);
      stage.judgeEqual('tells the gap and why', client.gaps(ROOM), ['too-old']);
      stage.judgeEqual('goes on with what is live', client.messages(ROOM), [1, 6]);
    },
  },
  {
    name: 'lost',
    about: 'the relay dropped messages for a slow reader: some can be had again, some cannot',
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      relay.publish(ROOM, { data: 1 });
      await stage.until(() => client.messages(ROOM).length === 1);
      const [, , four] = [2, 3, 4].map((data) => relay.topic(ROOM).keep({ data }));
      relay.last?.say({ op: 'lost', topic: ROOM, count: 2, recoverable: true });
      if (four) relay.last?.message(ROOM, four); // it is sent again with the answer
      await stage.heard(ROOM, 4);
      stage.judgeEqual('asks for what can be had again', relay.said('sub').at(-1)?.since, { epoch: 'first', seq: 1 });
      stage.judgeEqual('has it in order, once', client.messages(ROOM), [1, 2, 3, 4]);
      stage.judgeEqual('tells no gap then', client.gaps(ROOM), []);
      relay.last?.say({ op: 'lost', topic: ROOM, count: 3 });
      await stage.until(() => client.gaps(ROOM).length > 0);
      stage.judgeEqual('tells what cannot', client.gaps(ROOM), ['lost']);
      stage.judgeEqual('asks for nothing then', relay.said('sub').length, 2);
    },
  },
  {
    name: 'own-messages-in-a-replay',
    about: 'a replay brings back what the client published itself',
    needs: ['publish'],
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      relay.publish(ROOM, { data: 'theirs 1' });
      const own = stage.publish(ROOM, 'own 1');
      await stage.until(() => client.outcome(own) !== undefined);
      relay.publish(ROOM, { data: 'theirs 2' });
      await stage.until(() => client.messages(ROOM).length === 2);
      // The relay accepts the next publish, but its answer never arrives.
      relay.hear = (op, connection) => {
        if (op.op !== 'pub') return false;
        connection.take(op);
        connection.cut();
        relay.hear = () => false;
        return true;
      };
      const cut = stage.publish(ROOM, 'own 2');
      await stage.until(() => client.outcome(cut) !== undefined && relay.last?.topics.has(ROOM) === true);
      relay.publish(ROOM, { data: 'theirs 3' });
      await stage.heard(ROOM, 3);
      stage.judgeEqual('does not hear itself', client.messages(ROOM), ['theirs 1', 'theirs 2', 'theirs 3']);
      stage.judgeEqual('knows that both have arrived', [client.outcome(own), client.outcome(cut)], ['ok', 'ok']);
    },
  },
];

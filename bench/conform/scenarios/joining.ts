// Undisturbed connections: how a client joins, receives and leaves.
import type { ConformScenario } from '../stage.js';

const ROOM = 'a room/ü';

export const JOINING: readonly ConformScenario[] = [
  {
    name: 'join',
    about: 'connects, subscribes and hears',
    async play(stage) {
      const { relay, client } = stage;
      const isLive = await stage.join(ROOM);
      stage.judge(
        'offers fanwire.v1',
        Boolean(relay.attempts[0]?.protocols.includes('fanwire.v1')),
        'a subprotocol fanwire.v1',
        relay.attempts[0]?.protocols,
      );
      stage.judge('tells that it is live', isLive, 'an event "live" for the topic', client.told);
      const sent = [1, 'two', { three: [3, null, { deep: '☃' }] }, [], false, null, 1.5];
      for (const data of sent) relay.publish(ROOM, { data });
      await stage.heard(ROOM, sent.length);
      stage.judgeEqual('hears every message, as it was, in order', client.messages(ROOM), sent);
      stage.judgeEqual('has no gap', client.gaps(ROOM), []);
      stage.judgeEqual('subscribes once', relay.said('sub').length, 1);
    },
  },
  {
    name: 'bytes',
    about: 'messages of bytes, in base64 on the wire',
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      const sent = ['', 'AA==', 'AP8=', 'AP8B', '+/+/', Buffer.alloc(3000, 7).toString('base64')];
      for (const data of sent) relay.publish(ROOM, { data, encoding: 'base64' });
      await stage.heard(ROOM, sent.length);
      stage.judgeEqual(
        'gives bytes as they were',
        client.messages(ROOM),
        sent.map((base64) => ({ base64 })),
      );
    },
  },
  {
    name: 'unknown-ops',
    about: 'ops and fields that a later version may add',
    async play(stage) {
      const { relay, client } = stage;
      relay.hello = { ...relay.hello, invented: { deep: [1] } };
      await stage.join(ROOM);
      relay.last?.say({ op: 'invented', topic: ROOM, data: 'no message', seq: 1 });
      relay.last?.say({ op: 'invented' });
      relay.last?.say({ op: 'msg', topic: ROOM, data: 1, seq: relay.topic(ROOM).keep({ data: 1 }).seq, invented: {} });
      relay.publish(ROOM, { data: 2 });
      await stage.heard(ROOM, 2);
      stage.judgeEqual('passes over what it does not know', client.messages(ROOM), [1, 2]);
      stage.judgeEqual('keeps its connection', relay.attempts.length, 1);
    },
  },
  {
    name: 'history-at-join',
    about: 'begins with the last messages that the relay keeps',
    needs: ['history'],
    async play(stage) {
      const { relay, client } = stage;
      for (let n = 1; n <= 8; n++) relay.publish(ROOM, { data: n });
      await stage.join(ROOM, 3);
      relay.publish(ROOM, { data: 9 });
      await stage.heard(ROOM, 4);
      relay.last?.cut();
      relay.publish(ROOM, { data: 10 });
      await stage.heard(ROOM, 5);
      stage.judgeEqual('asks with rewind', relay.said('sub')[0]?.rewind, 3);
      stage.judgeEqual(
        'what is kept comes first, then what is live, also after a cut',
        client.messages(ROOM),
        [6, 7, 8, 9, 10],
      );
      stage.judgeEqual('has no gap', client.gaps(ROOM), []);
    },
  },
  {
    name: 'many-topics',
    about: 'fifty topics, and a cut',
    async play(stage) {
      const { relay, client } = stage;
      const topics = Array.from({ length: 50 }, (_, n) => `topic ${n}`);
      await stage.join('topic 0');
      for (const topic of topics.slice(1)) client.tell({ do: 'subscribe', topic });
      const isIn = (): boolean => topics.every((topic) => relay.last?.topics.has(topic));
      stage.judge('joins every topic', await stage.until(isIn), '50 topics', relay.last?.topics.size);
      relay.cutAll();
      for (const topic of topics) relay.publish(topic, { data: topic });
      await stage.until(() => isIn() && client.all('message').length >= 50);
      await stage.pass(60);
      stage.judge('joins every topic again', isIn(), '50 topics', relay.last?.topics.size);
      stage.judgeEqual(
        'each gets what it missed, once',
        topics.map((topic) => client.messages(topic)),
        topics.map((topic) => [topic]),
      );
    },
  },
  {
    name: 'unsubscribe',
    about: 'leaves one of two topics',
    async play(stage) {
      const { relay, client } = stage;
      await stage.join('left');
      await stage.join('kept');
      client.tell({ do: 'unsubscribe', topic: 'left' });
      const hasLeft = await stage.until(() => relay.said('unsub', 'left').length > 0);
      stage.judge('says unsub', hasLeft, 'an op unsub', relay.last?.ops);
      // Like a message that was already under way when the client left.
      relay.last?.say({ op: 'msg', topic: 'left', data: 'late', seq: relay.topic('left').keep({ data: 'late' }).seq });
      relay.publish('kept', { data: 1 });
      await stage.heard('kept', 1);
      stage.judgeEqual('hears nothing of it any more', client.messages('left'), []);
      relay.cutAll();
      await stage.until(() => relay.last?.topics.has('kept') === true && relay.connections.length === 2);
      await stage.pass(100);
      stage.judgeEqual(
        'does not join it again after a cut',
        relay.last?.ops.filter(({ op }) => op === 'sub').map(({ topic }) => topic),
        ['kept'],
      );
    },
  },
  {
    name: 'close',
    about: 'is closed, with a connection and without one',
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      client.tell({ do: 'close' });
      const hasEnded = await stage.until(() => relay.last?.endedAtMs !== undefined && client.state === 'closed');
      stage.judge('ends its connection and says "closed"', hasEnded, 'a closed connection, state closed', client.state);
      await stage.pass(600);
      stage.judgeEqual('does not come back', relay.attempts.length, 1);
      stage.judge('ends with its stdin', await client.leave(3000), 'the adapter ends', 'it goes on for 3 s');
    },
  },
];

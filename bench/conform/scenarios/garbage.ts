// Frames that do not belong to the protocol. A client may ignore them or reconnect; it must not hang, end or lose
// messages.
import type { ConformScenario } from '../stage.js';

const ROOM = 'room';

const GARBAGE: readonly [what: string, frame: string | Buffer][] = [
  ['no JSON', '}{'],
  ['nothing', ''],
  ['null', 'null'],
  ['a number', '42'],
  ['a string', '"msg"'],
  ['an empty object', '{}'],
  ['an op that is no string', '{"op":7}'],
  ['bytes', Buffer.from([0, 255, 254])],
  ['an answer to nobody', '{"op":"ok","id":"nobody"}'],
  ['a refusal of nothing', '{"op":"error","code":"FANWIRE_OP_JSON","message":"the frame is no JSON object"}'],
  ['a message of a topic that nobody joined', '{"op":"msg","topic":"other","data":1,"seq":1}'],
  ['a deep one', `${'['.repeat(5000)}${']'.repeat(5000)}`],
  ['a long one', JSON.stringify({ op: 'invented', data: 'x'.repeat(500_000) })],
];

export const GARBAGES: readonly ConformScenario[] = [
  {
    name: 'garbage',
    about: 'frames that are no ops, of thirteen kinds, each between two messages',
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      let count = 0;
      for (const [what, frame] of GARBAGE) {
        await stage.until(() => relay.last?.topics.has(ROOM) === true);
        relay.publish(ROOM, { data: count++ });
        relay.last?.say(frame);
        const isIn = await stage.until(() => client.messages(ROOM).length >= count);
        relay.publish(ROOM, { data: count++ });
        const isOn = await stage.until(
          () => client.messages(ROOM).length >= count && relay.last?.topics.has(ROOM) === true,
          3000,
        );
        stage.judge(`goes on after ${what}`, isIn && isOn, `${count} messages`, client.messages(ROOM).length);
        if (client.ended !== undefined) return;
      }
      stage.judgeEqual('hears every message, in order, once', client.messages(ROOM), [...Array(count).keys()]);
      stage.judgeEqual('tells no gap', client.gaps(ROOM), []);
    },
  },
];

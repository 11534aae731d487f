// Publishes: each one arrives once or is reported as failed, in order, and no faster than the relay allows.
import type { FaultyConnection, FaultyRelay, Said } from '../relay.js';
import type { ConformScenario } from '../stage.js';

const ROOM = 'room';

/** The data of all messages that have arrived in the room. */
const arrived = (relay: FaultyRelay): unknown[] => relay.topic(ROOM).kept.map(({ data }) => data);

/** The numbers from 0 to `count` - 1. */
const upTo = (count: number): number[] => [...Array(count).keys()];

/** Cuts the connection at every third publish: alternately before and after the relay accepts it. */
function cutsAtPublishes(): (op: Said, connection: FaultyConnection) => boolean {
  let count = 0;
  return (op, connection) => {
    if (op.op !== 'pub' || op.repeat !== undefined || ++count % 3 !== 0) return false;
    if (count % 2 === 0) connection.take(op);
    connection.cut();
    return true;
  };
}

export const PUBLISHES: readonly ConformScenario[] = [
  {
    name: 'publish',
    about: 'publishes that are answered',
    needs: ['publish'],
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      const sent = [1, 'two', { three: [null, '☃'] }, [], false, null];
      const refs = sent.map((data) => stage.publish(ROOM, data));
      await stage.until(() => refs.every((ref) => client.outcome(ref) !== undefined));
      await stage.pass(60);
      stage.judgeEqual('arrive as they were, in order', arrived(relay), sent);
      stage.judgeEqual(
        'are told, once each',
        refs.map((ref) => client.outcome(ref)),
        sent.map(() => 'ok'),
      );
      stage.judgeEqual('are not heard by their publisher', client.messages(ROOM), []);
      const pids = relay.said('pub').map(({ pid }) => pid);
      stage.judge(
        'have an id each, to be said again by',
        new Set(pids).size === sent.length && !pids.includes(undefined),
        'six different pid',
        pids,
      );
    },
  },
  {
    name: 'publish-bytes',
    about: 'publishes of bytes',
    needs: ['publish'],
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      const sent = ['', 'AA==', 'AP8=', 'AP8B', '+/+/'];
      sent.forEach((base64, n) => {
        client.tell({ do: 'publish', ref: 100 + n, topic: ROOM, base64 });
      });
      await stage.until(() => relay.topic(ROOM).kept.length >= sent.length);
      const seen = relay.topic(ROOM).kept.map(({ data, encoding }) => [data, encoding]);
      stage.judgeEqual(
        'arrive as padded base64 that says so',
        seen,
        sent.map((base64) => [base64, 'base64']),
      );
    },
  },
  {
    name: 'publish-without-a-connection',
    about: 'publishes that meet no connection',
    needs: ['publish'],
    async play(stage) {
      const { relay, client } = stage;
      relay.door = () => 'cut';
      stage.connect();
      const refs = upTo(20).map((n) => stage.publish(ROOM, n));
      await stage.until(() => relay.attempts.length > 2);
      relay.door = () => 'open';
      await stage.until(() => refs.every((ref) => client.outcome(ref) !== undefined));
      const outcomes = refs.map((ref) => client.outcome(ref));
      const isTrue = outcomes.every((outcome, n) => (outcome === 'ok') === arrived(relay).includes(n));
      stage.judge(
        'end, each truthfully',
        isTrue && !outcomes.includes(undefined),
        'ok for what arrived, a code for what did not',
        outcomes,
      );
      stage.judge(
        'arrive in order',
        arrived(relay).every((n, at, all) => at === 0 || Number(n) > Number(all[at - 1])),
        'in order',
        arrived(relay),
      );
    },
  },
  {
    name: 'publish-answers-cut-off',
    about: 'at every third publish a cut, by turns before the relay takes it and after',
    needs: ['publish'],
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      relay.hear = cutsAtPublishes();
      const refs: number[] = [];
      for (const n of upTo(30)) {
        refs.push(stage.publish(ROOM, n));
        if (n % 4 === 3) await stage.until(() => client.outcome(refs.at(-1) ?? 0) !== undefined);
      }
      await stage.until(() => refs.every((ref) => client.outcome(ref) !== undefined));
      await stage.pass(100);
      stage.judgeEqual('arrive once each, in order', arrived(relay), upTo(30));
      stage.judgeEqual(
        'are told so',
        refs.map((ref) => client.outcome(ref)),
        refs.map(() => 'ok'),
      );
      const repeats = relay.said('pub').filter(({ repeat }) => repeat !== undefined);
      const areRight = repeats.every(({ pid, data, repeat }) => {
        return Number(repeat) >= 0 && relay.said('pub').some((said) => said.pid === pid && said.data === data);
      });
      stage.judge(
        'are said again under the id they had, with their age',
        repeats.length > 0 && areRight,
        'the same pid, repeat in ms',
        repeats.slice(0, 2),
      );
    },
  },
  {
    name: 'publish-unconfirmed',
    about: 'the relay cannot know whether a repeated publish had arrived',
    needs: ['publish'],
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      relay.hear = (op, connection) => {
        if (op.op !== 'pub') return false;
        if (op.repeat === undefined) connection.cut();
        else connection.say({ op: 'error', code: 'FANWIRE_UNCONFIRMED', message: 'unknown', id: op.id, topic: ROOM });
        return true;
      };
      const ref = stage.publish(ROOM, 1);
      await stage.until(() => client.outcome(ref) !== undefined);
      await stage.pass(200);
      stage.judge(
        'is told as such',
        Boolean(client.outcome(ref)?.endsWith('UNCONFIRMED')),
        'a code that ends with UNCONFIRMED',
        client.outcome(ref),
      );
      stage.judgeEqual('is not said a third time', relay.said('pub').length, 2);
    },
  },
  {
    name: 'publish-limits',
    about: 'the relay allows 40 publishes a second; of a hundred given at once ten are cut off and forty wait',
    needs: ['publish'],
    async play(stage) {
      const { relay, client } = stage;
      relay.hello = { ...relay.hello, limits: { maxPayload: 65_536, publishesPerS: 40 } };
      await stage.join(ROOM);
      relay.hear = ({ op, data }) => {
        if (op !== 'pub' || Number(data) < 50 || relay.connections.length > 1) return false;
        if (data === 59) relay.cutAll();
        return true;
      };
      const refs = upTo(100).map((n) => stage.publish(ROOM, n));
      await stage.until(() => refs.every((ref) => client.outcome(ref) !== undefined));
      stage.judgeEqual('all arrive, in order, once', arrived(relay), upTo(100));
      const broken = relay.connections.map(({ ops }) => overdraft(ops, 40));
      stage.judge(
        'none is said faster than allowed',
        Math.max(...broken) <= 1,
        'a bucket of 40 that is never overdrawn',
        `by ${Math.max(...broken)}`,
      );
      stage.judgeEqual(
        'are told so',
        refs.filter((ref) => client.outcome(ref) !== 'ok'),
        [],
      );
    },
  },
  {
    name: 'too-big',
    about: 'a publish larger than the relay takes',
    needs: ['publish'],
    async play(stage) {
      const { relay, client } = stage;
      relay.hello = { ...relay.hello, limits: { maxPayload: 2000 } };
      await stage.join(ROOM);
      const [large, small] = [stage.publish(ROOM, 'x'.repeat(5000)), stage.publish(ROOM, 'small')];
      await stage.until(() => [large, small].every((ref) => client.outcome(ref) !== undefined));
      const outcomes = [client.outcome(large) !== 'ok', client.outcome(small), arrived(relay)];
      stage.judgeEqual('is told, and not said: it would end the connection', outcomes, [true, 'ok', ['small']]);
    },
  },
  {
    name: 'late-answers',
    about: 'answers that come late, and the last first',
    needs: ['publish'],
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      const late: (() => void)[] = [];
      relay.hear = (op, connection) => {
        if (op.op !== 'pub') return false;
        const answer =
          op.data === 'refused'
            ? { op: 'error', code: 'FANWIRE_PUBLISH_FORBIDDEN', message: 'no', id: op.id }
            : connection.take(op);
        late.push(() => connection.say(answer ?? {}));
        return true;
      };
      const refs = ['one', 'refused', 'three'].map((data) => stage.publish(ROOM, data));
      await stage.until(() => late.length === 3);
      await stage.pass(1500);
      stage.judgeEqual(
        'are waited for',
        refs.map((ref) => client.outcome(ref) ?? 'waits'),
        ['waits', 'waits', 'waits'],
      );
      for (const say of late.reverse()) say();
      await stage.until(() => refs.every((ref) => client.outcome(ref) !== undefined));
      stage.judgeEqual(
        'belong to their publish',
        refs.map((ref) => client.outcome(ref)),
        ['ok', 'FANWIRE_PUBLISH_FORBIDDEN', 'ok'],
      );
      stage.judgeEqual('are no reason to say it again', relay.said('pub').length, 3);
    },
  },
  {
    name: 'close-with-publishes',
    about: 'is closed while publishes wait, and while one has no answer yet',
    needs: ['publish'],
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      relay.hear = ({ op }) => op === 'pub';
      const first = stage.publish(ROOM, 1);
      await stage.until(() => relay.said('pub').length > 0);
      relay.door = () => 'cut';
      const attempts = relay.attempts.length;
      relay.cutAll();
      // Once it reconnects, the client knows that the connection was cut, so what it publishes now waits.
      await stage.until(() => relay.attempts.length > attempts);
      const second = stage.publish(ROOM, 2);
      client.tell({ do: 'close' });
      const after = stage.publish(ROOM, 3);
      const refs = [first, second, after];
      const haveEnded = await stage.until(() => refs.every((ref) => client.outcome(ref) !== undefined));
      const outcomes = refs.map((ref) => client.outcome(ref));
      stage.judge('each is told to have failed', haveEnded && !outcomes.includes('ok'), 'three codes', outcomes);
      stage.judge(
        'one that was said may have arrived',
        Boolean(outcomes[0]?.endsWith('UNCONFIRMED')),
        'a code that ends with UNCONFIRMED',
        outcomes[0],
      );
    },
  },
];

/** The largest number of publishes by which a bucket that holds one second's worth was overdrawn. */
function overdraft(ops: readonly Said[], perS: number): number {
  let credit = perS;
  let atMs = ops[0]?.atMs ?? 0;
  let worst = 0;
  for (const said of ops.filter(({ op }) => op === 'pub')) {
    credit = Math.min(perS, credit + ((said.atMs - atMs) * perS) / 1000) - 1;
    atMs = said.atMs;
    worst = Math.max(worst, -credit);
  }
  return Math.round(worst * 10) / 10;
}

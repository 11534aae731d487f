// When a client reconnects: not in a tight loop, not too late, and as the relay advises.
import type { Attempt } from '../relay.js';
import { type ConformScenario, WAITS } from '../stage.js';

const ROOM = 'room';
/** A client that waits random times of up to 20, 40, 80 … 200 ms never needs this many attempts in a second. */
const SPINNING = 60;
/** Clocks and timers of two processes differ by less than this. */
const TOLERANCE_MS = 20;

/** The largest number of attempts within any one second. */
function mostInASecond(attempts: readonly { readonly atMs: number }[]): number {
  const counts = attempts.map(({ atMs }) => attempts.filter((other) => other.atMs >= atMs && other.atMs < atMs + 1000));
  return Math.max(0, ...counts.map(({ length }) => length));
}

/** Milliseconds between two attempts. */
function between(from: Attempt | undefined, to: Attempt | undefined): number {
  return Math.round((to?.atMs ?? Number.NaN) - (from?.atMs ?? Number.NaN));
}

export const WAITING: readonly ConformScenario[] = [
  {
    name: 'nobody-there',
    about: 'every attempt is cut for two seconds',
    async play(stage) {
      const { relay, client } = stage;
      relay.door = () => 'cut';
      stage.connect();
      client.tell({ do: 'subscribe', topic: ROOM });
      await stage.pass(2000);
      const count = relay.attempts.length;
      stage.judge('goes on trying', count >= 4, 'at least 4 attempts in 2 s', count);
      stage.judge(
        'waits between attempts',
        mostInASecond(relay.attempts) <= SPINNING,
        `at most ${SPINNING} in any second`,
        mostInASecond(relay.attempts),
      );
      relay.door = () => 'open';
      stage.judge(
        'is live once somebody is there',
        await stage.until(() => client.all('live', ROOM).length > 0),
        'an event "live"',
        client.state,
      );
    },
  },
  {
    name: 'cut-when-open',
    about: 'every connection is cut as soon as it is open, for two seconds',
    async play(stage) {
      const { relay, client } = stage;
      relay.cutAfter = 1;
      relay.door = () => {
        relay.cutAfter = 1;
        return 'open';
      };
      stage.connect();
      client.tell({ do: 'subscribe', topic: ROOM });
      await stage.pass(2000);
      stage.judge(
        'waits between attempts',
        mostInASecond(relay.attempts) <= SPINNING,
        `at most ${SPINNING} in any second`,
        mostInASecond(relay.attempts),
      );
      relay.door = () => 'open';
      relay.cutAfter = Number.POSITIVE_INFINITY;
      stage.judge(
        'is live once it may be',
        await stage.until(() => client.all('live', ROOM).length > 0),
        'an event "live"',
        client.state,
      );
    },
  },
  {
    name: 'retry-after',
    about: 'a relay that is full refuses the upgrade and says for how long',
    needs: ['refusals'],
    async play(stage) {
      const { relay } = stage;
      const headers = { 'Retry-After': '1', 'Fanwire-Error': 'FANWIRE_MAX_CONNECTIONS' };
      relay.door = (_attempt, index) => (index === 0 ? { status: 503, headers } : 'open');
      const isLive = await stage.join(ROOM);
      const waitedMs = between(relay.attempts[0], relay.attempts[1]);
      stage.judge('does not come earlier', waitedMs >= 1000 - TOLERANCE_MS, 'at least 1000 ms', waitedMs);
      stage.judge('comes then', isLive, 'live', stage.client.state);
    },
  },
  {
    name: 'retry-after-nonsense',
    about: 'upgrades are refused with a Retry-After that is none',
    async play(stage) {
      const { relay } = stage;
      const nonsense = ['soon', '-1', '0', 'NaN', '', 'Wed, 21 Oct 2015 07:28:00 GMT', '1e-9'];
      relay.door = (_attempt, index) => {
        const value = nonsense[index];
        return value === undefined ? 'open' : { status: 503, headers: { 'Retry-After': value } };
      };
      stage.connect();
      await stage.until(() => relay.connections.length > 0, 30_000);
      stage.judge(
        'waits between attempts',
        mostInASecond(relay.attempts) <= SPINNING,
        `at most ${SPINNING} in any second`,
        mostInASecond(relay.attempts),
      );
      stage.judge('comes back all the same', relay.connections.length > 0, 'a connection', relay.attempts.length);
    },
  },
  {
    name: 'drain',
    about: 'the relay says when to come back, and closes with 1012 before that',
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      const saidAtMs = performance.now();
      relay.last?.say({ op: 'drain', reconnectInMs: 800 });
      await stage.pass(200);
      relay.last?.close(1012, 'restart');
      relay.publish(ROOM, { data: 'missed' });
      await stage.until(() => relay.last?.topics.has(ROOM) === true && relay.attempts.length > 1);
      const waitedMs = Math.round((relay.attempts[1]?.atMs ?? Number.NaN) - saidAtMs);
      stage.judge(
        'does not come earlier',
        waitedMs >= 800 - TOLERANCE_MS,
        'at least 800 ms after it was told',
        waitedMs,
      );
      await stage.heard(ROOM, 1);
      stage.judgeEqual('has missed nothing', client.messages(ROOM), ['missed']);
      stage.judgeEqual('tells no gap', client.gaps(ROOM), []);
    },
  },
  {
    name: 'drain-left-open',
    about: 'the relay says when to come back, and does not close',
    async play(stage) {
      const { relay } = stage;
      await stage.join(ROOM);
      const saidAtMs = performance.now();
      relay.last?.say({ op: 'drain', reconnectInMs: 500 });
      const isBack = await stage.until(() => relay.attempts.length > 1 && relay.last?.topics.has(ROOM) === true);
      const waitedMs = Math.round((relay.attempts[1]?.atMs ?? Number.NaN) - saidAtMs);
      stage.judge('leaves by itself and comes back', isBack, 'a second connection', relay.attempts.length);
      stage.judge(
        'not earlier than told',
        waitedMs >= 500 - TOLERANCE_MS,
        'at least 500 ms after it was told',
        waitedMs,
      );
    },
  },
  {
    name: 'drain-nonsense',
    about: 'each connection is told to come back at once, or at a time that is none',
    async play(stage) {
      const { relay, client } = stage;
      const values = [0, -5, 'soon', null];
      stage.connect();
      client.tell({ do: 'subscribe', topic: ROOM });
      relay.hear = (op, connection) => {
        if (op.op !== 'sub') return false;
        connection.handle(op);
        connection.say({ op: 'drain', reconnectInMs: values[relay.connections.length % values.length] });
        return true;
      };
      await stage.pass(2000);
      stage.judge(
        'waits between attempts',
        mostInASecond(relay.attempts) <= SPINNING,
        `at most ${SPINNING} in any second`,
        mostInASecond(relay.attempts),
      );
      relay.hear = () => false;
      relay.cutAll();
      const { length } = relay.connections;
      const isBack = await stage.until(
        () => relay.connections.length > length && relay.last?.topics.has(ROOM) === true,
      );
      stage.judge('lives on', isBack, 'a connection that is left alone', client.state);
    },
  },
  {
    name: 'silent-opening',
    about: 'attempts that are never answered',
    async play(stage) {
      const { relay } = stage;
      relay.door = (_attempt, index) => (index < 2 ? 'hang' : 'open');
      const isLive = await stage.join(ROOM);
      stage.judge(
        'gives them up and tries again',
        isLive,
        `a third attempt within some ${3 * WAITS.connectTimeoutMs} ms`,
        relay.attempts.length,
      );
    },
  },
  {
    name: 'half-open',
    about: 'a connection that stays open and is silent, as when a network went away',
    async play(stage) {
      const { relay, client } = stage;
      await stage.join(ROOM);
      relay.publish(ROOM, { data: 1 });
      await stage.until(() => client.messages(ROOM).length === 1);
      relay.last?.freeze();
      relay.publish(ROOM, { data: 2 });
      const isBack = await stage.until(() => relay.attempts.length > 1, 6000);
      stage.judge(
        'notices, and connects anew',
        isBack,
        'a second attempt within 6 s at a heartbeat of 400 ms',
        relay.attempts.length,
      );
      await stage.heard(ROOM, 2);
      stage.judgeEqual('has missed nothing', client.messages(ROOM), [1, 2]);
    },
  },
  {
    name: 'quiet',
    about: 'a connection on which nobody says anything for three seconds, but for answers to pings',
    async play(stage) {
      const { relay } = stage;
      await stage.join(ROOM);
      await stage.pass(3000);
      stage.judgeEqual('keeps its connection', relay.attempts.length, 1);
    },
  },
];

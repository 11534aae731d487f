// Refusals: some are final, some are temporary, some require another token. The relay says which with each refusal.
import { Refused, retryAdvice } from '../../../src/protocol/codes.js';
import type { ConformScenario, Stage } from '../stage.js';

/** The wait that temporary refusals ask for in this suite, instead of their real one. */
const RETRY_MS = 300;
/** Clocks and timers of two processes differ by less than this. */
const TOLERANCE_MS = 20;
/** Asking the same thing this often within two seconds counts as spinning. */
const SPINNING = 60;

interface Case {
  readonly code: string;
  readonly passes: boolean;
  readonly advice: Record<string, unknown>;
}

/** Every code of the relay and two that it does not have, each with its retry advice. For an op, codes that require
 *  another token are final, because the connection keeps its token. */
const CASES: readonly Case[] = [
  ...Object.values(Refused).map(({ code, ...refusal }) => {
    const advice = retryAdvice({ code, ...refusal });
    const passes = advice.retryAfterMs !== undefined;
    return { code, passes, advice: passes ? { retryAfterMs: RETRY_MS } : { ...advice } };
  }),
  { code: 'FANWIRE_INVENTED_PASSING', passes: true, advice: { retryAfterMs: RETRY_MS } },
  { code: 'FANWIRE_INVENTED_FINAL', passes: false, advice: {} },
];

/** Refuses connection attempts: the first `times` of them. */
function refuseAtTheDoor({ relay }: Stage, status: number, code: string | undefined, times: number): void {
  const headers = code === undefined ? {} : { 'Fanwire-Error': code };
  relay.door = (_attempt, index) => (index < times ? { status, headers } : 'open');
}

export const REFUSALS: readonly ConformScenario[] = [
  {
    name: 'subscribe-refused',
    about: 'a sub is refused with every code that there is',
    async play(stage) {
      const { relay, client } = stage;
      const refusedAtMs = new Map<string, number>();
      relay.hear = (op, connection) => {
        const found = CASES.find(({ code }) => code === op.topic);
        if (op.op !== 'sub' || found === undefined || refusedAtMs.has(found.code)) return false;
        refusedAtMs.set(found.code, performance.now());
        const { id, topic } = op;
        connection.say({ op: 'error', code: found.code, message: 'refused', id, topic, ...found.advice });
        return true;
      };
      await stage.join('another');
      for (const { code } of CASES) client.tell({ do: 'subscribe', topic: code });
      const isDone = ({ code, passes }: Case): boolean =>
        passes ? client.all('live', code).length > 0 : client.all('ended', code).length > 0;
      await stage.until(() => CASES.every(isDone));
      await stage.pass(400);
      for (const { code, passes } of CASES) {
        const asked = relay.said('sub', code);
        if (passes) {
          const waitedMs = Math.round((asked[1]?.atMs ?? Number.NaN) - (refusedAtMs.get(code) ?? 0));
          stage.judge(`${code} passes: asks again`, client.all('live', code).length > 0, 'live', {
            asked: asked.length,
          });
          stage.judge(
            `${code} passes: not earlier than told`,
            waitedMs >= RETRY_MS - TOLERANCE_MS,
            `at least ${RETRY_MS} ms`,
            waitedMs,
          );
        } else {
          const seen = { ended: client.all('ended', code).map((told) => told.code), asked: asked.length };
          stage.judgeEqual(`${code} is final: tells its end, asks no more`, seen, { ended: [code], asked: 1 });
        }
      }
      relay.publish('another', { data: 1 });
      await stage.heard('another', 1);
      stage.judgeEqual(
        'other topics live on, on the same connection',
        [client.messages('another'), relay.attempts.length],
        [[1], 1],
      );
    },
  },
  {
    name: 'publish-refused',
    about: 'a pub is refused with every code that there is',
    needs: ['publish'],
    async play(stage) {
      const { relay, client } = stage;
      const refusedAtMs = new Map<string, number>();
      const againAtMs = new Map<string, number>();
      relay.hear = (op, connection) => {
        const found = CASES.find(({ code }) => code === op.topic);
        if (op.op !== 'pub' || found === undefined) return false;
        if (refusedAtMs.has(found.code)) {
          againAtMs.set(found.code, performance.now());
          return false;
        }
        refusedAtMs.set(found.code, performance.now());
        connection.say({ op: 'error', code: found.code, message: 'refused', id: op.id, ...found.advice });
        return true;
      };
      await stage.join('another');
      // One after the other, because a temporary refusal holds back later publishes.
      for (const { code, passes } of CASES) {
        const ref = stage.publish(code, 'data');
        await stage.until(() => client.outcome(ref) !== undefined);
        const { kept } = relay.topic(code);
        if (passes) {
          const waitedMs = Math.round((againAtMs.get(code) ?? Number.NaN) - (refusedAtMs.get(code) ?? 0));
          stage.judgeEqual(
            `${code} passes: is published in the end, once`,
            [client.outcome(ref), kept.length],
            ['ok', 1],
          );
          stage.judge(
            `${code} passes: not earlier than told`,
            waitedMs >= RETRY_MS - TOLERANCE_MS,
            `at least ${RETRY_MS} ms`,
            waitedMs,
          );
        } else {
          const seen = [client.outcome(ref), relay.said('pub', code).length];
          stage.judgeEqual(`${code} is final: tells it, publishes no more`, seen, [code, 1]);
        }
      }
    },
  },
  {
    name: 'retry-nonsense',
    about: 'subs are refused for a time that is none, over and over',
    async play(stage) {
      const { relay, client } = stage;
      const nonsense = [0, -1, 1e-9, -1e300];
      let count = 0;
      relay.hear = (op, connection) => {
        if (op.topic !== 'refused' || op.op !== 'sub') return false;
        const retryAfterMs = nonsense[count++ % nonsense.length];
        connection.say({
          op: 'error',
          code: 'FANWIRE_TOO_MANY_TOPICS',
          message: 'no',
          id: op.id,
          topic: 'refused',
          retryAfterMs,
        });
        return true;
      };
      await stage.join('another');
      client.tell({ do: 'subscribe', topic: 'refused' });
      await stage.pass(2000);
      const asked = relay.said('sub', 'refused').length;
      stage.judge('waits before it asks again', asked <= 2 * SPINNING, `at most ${2 * SPINNING} times in 2 s`, asked);
      relay.hear = () => false;
      stage.judge(
        'is live once it may be',
        await stage.until(() => client.all('live', 'refused').length > 0),
        'live',
        asked,
      );
    },
  },
  {
    name: 'taken-out',
    about: 'the relay takes the client out of a topic that it is in',
    async play(stage) {
      const { relay, client } = stage;
      await stage.join('room');
      await stage.join('another');
      relay.last?.topics.delete('room');
      relay.last?.say({ op: 'error', code: 'FANWIRE_SUBSCRIBE_FORBIDDEN', message: 'no', topic: 'room' });
      const hasEnded = await stage.until(() => client.all('ended', 'room').length > 0);
      stage.judge('tells the end of the subscription', hasEnded, 'an event "ended"', client.told.at(-1));
      relay.cutAll();
      await stage.until(() => relay.connections.length > 1 && relay.last?.topics.has('another') === true);
      await stage.pass(100);
      stage.judgeEqual(
        'does not join it again',
        relay.last?.ops.filter(({ op }) => op === 'sub').map(({ topic }) => topic),
        ['another'],
      );
    },
  },
  {
    name: 'token-refused',
    about: 'the relay refuses the only token that there is',
    needs: ['refusals', 'token'],
    async play(stage) {
      const { relay, client } = stage;
      refuseAtTheDoor(stage, 401, 'FANWIRE_TOKEN_UNKNOWN', 100);
      stage.connect({ tokens: ['only'] });
      const isClosed = await stage.until(() => client.state === 'closed');
      await stage.pass(500);
      stage.judge(
        'sends its token',
        JSON.stringify(relay.attempts[0]).includes('only'),
        'fanwire.token.only, or in the query',
        relay.attempts[0],
      );
      stage.judge('is closed for good', isClosed && relay.attempts.length === 1, 'state closed, 1 attempt', {
        state: client.state,
        attempts: relay.attempts.length,
      });
    },
  },
  {
    name: 'token-closed',
    about: 'the relay lets the client in and closes with 4401, as it does for browsers',
    needs: ['token'],
    async play(stage) {
      const { relay, client } = stage;
      relay.door = () => ({ close: 4401, reason: 'FANWIRE_TOKEN_UNKNOWN' });
      stage.connect({ tokens: ['only'] });
      const isClosed = await stage.until(() => client.state === 'closed');
      await stage.pass(500);
      stage.judge('is closed for good', isClosed && relay.attempts.length === 1, 'state closed, 1 attempt', {
        state: client.state,
        attempts: relay.attempts.length,
      });
    },
  },
  {
    name: 'refused-by-a-proxy',
    about: 'something before the relay refuses with 401, 403, 404 and 502, which passes',
    async play(stage) {
      const { relay } = stage;
      const statuses = [403, 404, 502, 503, 500, 429, 401];
      relay.door = (_attempt, index) => {
        const status = statuses[index];
        return status === undefined ? 'open' : { status };
      };
      const isLive = await stage.join('room');
      stage.judge(
        'tries on, since it is not the relay that refuses',
        isLive,
        'live after 7 refusals',
        relay.attempts.length,
      );
    },
  },
  {
    name: 'another-token',
    about: 'a token is refused and another one is had; later it ends, and a new one is sent before that',
    needs: ['tokens'],
    async play(stage) {
      const { relay, client } = stage;
      const { hello } = relay;
      relay.door = ({ protocols, url }) => {
        const isOld = protocols.includes('fanwire.token.old') || url.includes('token=old');
        return isOld ? { close: 4401, reason: 'FANWIRE_TOKEN_EXPIRED' } : 'open';
      };
      relay.hello = { ...hello, expiresInMs: 2500 };
      stage.connect({ tokens: ['old', 'new', 'newer'] });
      const isLive = await stage.join('room');
      stage.judge(
        'comes with another token',
        isLive,
        'live with "new"',
        relay.attempts.map(({ protocols }) => protocols),
      );
      const openedAtMs = performance.now();
      await stage.until(() => relay.said('auth').length > 0);
      const afterMs = Math.round((relay.said('auth')[0]?.atMs ?? Number.NaN) - openedAtMs);
      stage.judgeEqual('sends a new one in time', [relay.said('auth')[0]?.token, afterMs < 2500], ['newer', true]);
      relay.publish('room', { data: 1 });
      await stage.heard('room', 1);
      stage.judgeEqual('and keeps its connection', [client.messages('room'), relay.connections.length], [[1], 2]);
    },
  },
  {
    name: 'renewal-nonsense',
    about: 'the relay says that each token ends at once, for two seconds',
    needs: ['tokens'],
    async play(stage) {
      const { relay } = stage;
      const { hello } = relay;
      const values = [0, -1, 1e-9, 1];
      relay.hello = { ...hello, expiresInMs: 0 };
      relay.hear = (op, connection) => {
        if (op.op !== 'auth') return false;
        connection.say({ op: 'ok', id: op.id, expiresInMs: values[relay.said('auth').length % values.length] });
        return true;
      };
      stage.connect({ tokens: ['a', 'b', 'c'] });
      await stage.join('room');
      await stage.pass(2000);
      const count = relay.said('auth').length;
      stage.judge('waits between renewals', count <= 10, 'at most 10 in 2 s', count);
    },
  },
];

// The client's state machine, without sockets and clocks: whatever the network, the relay, users' code and clocks do,
// every promise ends truthfully, every gap is told, nothing spins, and when all is well again so is the client.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FanwireClient, type FanwireError } from '../../src/client/index.js';
import { SimulatedRelay, type Weather } from '../support/simulated-relay.js';
import { VirtualTime } from '../support/virtual-time.js';

const RUNS = Number(process.env.RUNS ?? 200);

type TokenSource = 'good' | 'throws' | 'hangs' | 'rejects';

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ publish: fc.integer({ min: 1, max: 120 }) }) },
  { weight: 3, arbitrary: fc.record({ hear: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 4, arbitrary: fc.record({ pass: fc.oneof(fc.nat(50), fc.nat(5000), fc.nat(60_000)) }) },
  { weight: 2, arbitrary: fc.record({ cut: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      opening: fc.constantFrom<Weather['opening']>(
        ...(['open', 'close', 'error-only', 'hang', 'throw', 'full', 'refused-token', 'bad-gateway'] as const),
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      answers: fc.constantFrom<Weather['answers']>(
        ...(['ok', 'later', 'never', 'late', 'cut-before', 'cut-after', 'garbage'] as const),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ token: fc.constantFrom<TokenSource>('good', 'throws', 'hangs', 'rejects') }) },
  { weight: 1, arbitrary: fc.record({ throwing: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ date: fc.constantFrom(-7.2e6, -1e9, 3.6e6, 1e9) }) },
  { weight: 1, arbitrary: fc.constant({ wake: 20 }) },
  { weight: 1, arbitrary: fc.constant({ restart: true as const }) },
);

/** Rare among the others: the client is there again soon enough to hear what follows a restart live. */
const HEARD_AFTER_RESTART = [{ hear: 5 }, { pass: 1000 }, { restart: true as const }, { pass: 5000 }, { hear: 5 }];

test('whatever happens in whatever order, every promise ends, every gap is told, nothing spins, and it comes back', async (t) => {
  t.mock.method(console, 'error', () => {}); // listeners throw here
  const time = new VirtualTime(t);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const relay = new SimulatedRelay();
      let tokens: TokenSource = 'good';
      const tokenCalls: number[] = [];
      let isThrowing = false;
      const misbehave = (): void => {
        if (isThrowing) throw new Error('a listener');
      };
      const client = new FanwireClient('ws://relay', {
        WebSocket: relay.WebSocket,
        token: () => {
          tokenCalls.push(time.ms);
          if (tokens === 'throws') throw new SyntaxError('not JSON');
          if (tokens === 'hangs') return new Promise<string>(() => {});
          return tokens === 'good' ? 'token' : Promise.reject(null);
        },
      });
      const heard: unknown[] = [];
      const gaps: string[] = [];
      for (const event of ['state', 'error', 'drain'] as const) client.on(event, misbehave);
      const room = client.subscribe('room', misbehave);
      room.on('message', ({ data }) => heard.push(data));
      room.on('gap', ({ reason }) => {
        gaps.push(reason);
        misbehave();
      });
      room.on('live', async () => misbehave());
      await time.pass(100);
      assert.equal(client.state, 'open');

      const outcomes = new Map<string, string>();
      const foreign: string[] = [];
      let published = 0;
      let others = 0; // a name once heard is never given again, also after a restart
      let restarts = 0;
      for (const one of steps) {
        if ('publish' in one) {
          for (let n = 0; n < one.publish; n++) {
            const data = `own ${published++}`;
            outcomes.set(data, 'pending');
            client.publish('room', data).then(
              () => outcomes.set(data, 'ok'),
              ({ code }: FanwireError) => outcomes.set(data, code),
            );
          }
        } else if ('hear' in one) {
          for (let n = 0; n < one.hear; n++) {
            foreign.push(`foreign ${others++}`);
            relay.publish(foreign.at(-1));
          }
        } else if ('pass' in one) await time.pass(one.pass);
        else if ('cut' in one) relay.cut(one.cut);
        else if ('opening' in one) relay.weather = { ...relay.weather, opening: one.opening };
        else if ('answers' in one) relay.weather = { ...relay.weather, answers: one.answers };
        else if ('token' in one) tokens = one.token;
        else if ('throwing' in one) isThrowing = one.throwing;
        else if ('date' in one) time.setDate(one.date);
        else if ('wake' in one) for (let n = 0; n < one.wake; n++) client.wake();
        else {
          relay.restart();
          restarts++;
          foreign.length = 0;
        }
      }

      relay.weather = { opening: 'open', answers: 'ok' };
      tokens = 'good';
      await time.pass(300_000);
      assert.equal(client.state, 'open');
      assert.equal(room.state, 'live');
      for (const [data, outcome] of outcomes) {
        const arrived = relay.kept.filter((kept) => kept.data === data).length;
        assert.notEqual(outcome, 'pending', `${data} never ended`);
        assert.ok(arrived <= 1, `${data} arrived ${arrived} times`);
        if (outcome === 'ok' && restarts === 0) assert.equal(arrived, 1, `${data} was answered with ok`);
        if (outcome === 'FANWIRE_CLIENT_QUEUE_FULL') assert.equal(arrived, 0);
      }
      const order = relay.kept.map(({ data }) => String(data)).filter((data) => data.startsWith('own'));
      assert.deepEqual(
        order,
        [...order].sort((a, b) => Number(a.slice(4)) - Number(b.slice(4))),
        'own ones in order',
      );
      assert.equal(new Set(heard).size, heard.length, 'nothing is heard twice');
      if (restarts === 0) {
        assert.deepEqual(
          heard.filter((data) => String(data).startsWith('foreign')),
          foreign,
          'nothing is missing',
        );
        assert.deepEqual(gaps, []);
      } else assert.ok(gaps.length > 0 && gaps.every((reason) => reason === 'epoch-changed'), `${gaps}`);
      assertCalm(relay.attempts, 8, 'attempts');
      assertCalm(tokenCalls, 8, 'token calls');

      client.close();
      await time.pass(1);
      assert.equal(time.pending, 0, 'a closed client leaves no timer');
    }),
    { numRuns: RUNS, examples: [[HEARD_AFTER_RESTART]], endOnFailure: true, includeErrorInReport: true },
  );
});

/** In any second no more than `most`. */
function assertCalm(times: readonly number[], most: number, what: string): void {
  times.forEach((at, index) => {
    const within = times.slice(index).filter((other) => other - at < 1000).length;
    assert.ok(within <= most, `${within} ${what} in a second`);
  });
}

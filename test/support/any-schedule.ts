// A client's state machine under any schedule of what may go wrong, without sockets and clocks: the network, the relay,
// users' code and clocks do whatever they like in whatever order. Then all is well again, and so must the client be.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { FanwireClient, FanwireError, Published } from '../../src/client/index.js';
import { SimulatedRelay, type Weather } from './simulated-relay.js';
import { VirtualTime } from './virtual-time.js';

type TokenSource = 'good' | 'throws' | 'hangs' | 'rejects';

const OPENINGS = ['open', 'close', 'error-only', 'hang', 'throw', 'full', 'refused-token', 'bad-gateway'] as const;
const ANSWERS = ['ok', 'later', 'final', 'never', 'late', 'cut-before', 'cut-after', 'garbage'] as const;
/** With these each publish is answered in time. */
const PROMPT: readonly string[] = ['ok', 'later', 'cut-before', 'cut-after'];

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ publish: fc.integer({ min: 1, max: 120 }) }) },
  { weight: 3, arbitrary: fc.record({ hear: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 4, arbitrary: fc.record({ pass: fc.oneof(fc.nat(50), fc.nat(5000), fc.nat(60_000)) }) },
  { weight: 2, arbitrary: fc.record({ cut: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ opening: fc.constantFrom<Weather['opening']>(...OPENINGS) }) },
  { weight: 2, arbitrary: fc.record({ answers: fc.constantFrom<Weather['answers']>(...ANSWERS) }) },
  { weight: 1, arbitrary: fc.record({ expiresInMs: fc.constantFrom(60_000, 2000, 1, 0, -1, null) }) },
  { weight: 1, arbitrary: fc.record({ token: fc.constantFrom<TokenSource>('good', 'throws', 'hangs', 'rejects') }) },
  { weight: 1, arbitrary: fc.record({ throwing: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ date: fc.constantFrom(-7.2e6, -1e9, 3.6e6, 1e9) }) },
  { weight: 1, arbitrary: fc.record({ wake: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 1, arbitrary: fc.constant({ restart: true }) },
  { weight: 1, arbitrary: fc.constant({ forget: true }) },
  { weight: 1, arbitrary: fc.constant({ repeat: true }) },
  { weight: 1, arbitrary: fc.record({ lose: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ drain: fc.oneof(fc.nat(500), fc.nat(20_000)) }) },
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

/** Rare among the others: the client is there again soon enough to hear what follows a restart live. */
const HEARD_AFTER_RESTART: Step[] = [{ hear: 5 }, { pass: 1000 }, { restart: true }, { pass: 5000 }, { hear: 5 }];

/** Once some were told to come again while later ones were on their way. */
const OVERTAKEN: Step[] = [{ pass: 21 }, { answers: 'later' }, { publish: 56 }, { pass: 5 }];

/** Rare: the refusal has to meet the moment of a return. */
const REFUSED_ON_RETURN: Step[] = [{ answers: 'final' }, { cut: false }, { pass: 5000 }];

/** Rejects with the first schedule after which the client is not as it must be.
 *  @param size of the schedules: up to 10 steps when small, up to 40 at the most */
export async function holdsUnderAnySchedule(
  t: TestContext,
  Client: typeof FanwireClient,
  numRuns: number,
  size: fc.SizeForArbitrary,
) {
  t.mock.method(console, 'error', () => {}); // listeners throw here
  const time = new VirtualTime(t);
  const schedule = fc.array(step, { minLength: 1, maxLength: 40, size });
  await fc.assert(
    fc.asyncProperty(schedule, (steps) => new Play(time, Client).run(steps)),
    {
      numRuns,
      examples: [[HEARD_AFTER_RESTART], [OVERTAKEN], [REFUSED_ON_RETURN]],
      endOnFailure: true,
      includeErrorInReport: true,
    },
  );
}

class Play {
  private readonly relay = new SimulatedRelay();
  private readonly client: FanwireClient;
  private readonly room: ReturnType<FanwireClient['subscribe']>;
  private tokens: TokenSource = 'good';
  private readonly tokenCalls: number[] = [];
  private isThrowing = false;
  /** In order: the numbers of others' messages, own messages, and the gaps that were told. */
  private readonly heard: (number | string | { gap: string })[] = [];
  private readonly outcomes = new Map<string, string>();
  private foreign = 0;
  /** Whether anything could get lost for good, and whether a publish could remain without an answer. */
  private isLossy = false;
  private isUnsure = false;
  private restarts = 0;
  private passedMs = 0;

  constructor(
    private readonly time: VirtualTime,
    Client: typeof FanwireClient,
  ) {
    this.client = new Client('ws://relay', { WebSocket: this.relay.WebSocket, token: () => this.token() });
    const misbehave = (): void => {
      if (this.isThrowing) throw new Error('a listener');
    };
    for (const event of ['state', 'error', 'drain'] as const) this.client.on(event, misbehave);
    this.room = this.client.subscribe('room', misbehave);
    this.room.on('message', ({ data }) => this.heard.push(data as number | string));
    this.room.on('gap', ({ reason }) => {
      this.heard.push({ gap: reason });
      misbehave();
    });
    this.room.on('live', async () => misbehave());
  }

  async run(steps: readonly Step[]): Promise<void> {
    const { relay, client, room, time } = this;
    await time.pass(100);
    assert.equal(client.state, 'open');
    for (const one of steps) await this.do(one);

    relay.weather = { opening: 'open', answers: 'ok', expiresInMs: 60_000 };
    this.tokens = 'good';
    await time.pass(300_000);
    this.hear(1);
    await time.pass(100);
    assert.equal(client.state, 'open');
    if (relay.refusedForGood) {
      assert.equal(room.state, 'ended', 'a final refusal ends a subscription');
      assert.equal(relay.askedAfterwards, 0, 'what is refused for good is not asked for again');
    } else {
      assert.equal(room.state, 'live');
      this.judgeMessages();
    }
    this.judgePublishes();
    assertCalm(relay.attempts, 8, 'attempts');
    assertCalm(this.tokenCalls, 8, 'token calls');
    assert.equal(relay.tooEarly, 0, 'attempts before the time that a drain told');
    assert.equal(relay.overdrawn, 0, 'publishes beyond the limit');
    await this.judgeClose();
  }

  private token(): string | Promise<string> {
    this.tokenCalls.push(this.time.ms);
    if (this.tokens === 'throws') throw new SyntaxError('not JSON');
    if (this.tokens === 'hangs') return new Promise<string>(() => {});
    return this.tokens === 'good' ? 'token' : Promise.reject(null);
  }

  private async do(one: Step): Promise<void> {
    const { relay, client, time } = this;
    if ('publish' in one) for (let n = 0; n < one.publish; n++) this.publish();
    else if ('hear' in one) this.hear(one.hear);
    else if ('pass' in one) await this.pass(one.pass);
    else if ('cut' in one) relay.cut(one.cut);
    else if ('opening' in one) relay.weather = { ...relay.weather, opening: one.opening };
    else if ('answers' in one) {
      relay.weather = { ...relay.weather, answers: one.answers };
      this.isUnsure ||= !PROMPT.includes(one.answers);
    } else if ('expiresInMs' in one) relay.weather = { ...relay.weather, expiresInMs: one.expiresInMs };
    else if ('token' in one) this.tokens = one.token;
    else if ('throwing' in one) this.isThrowing = one.throwing;
    else if ('date' in one) time.setDate(one.date);
    else if ('repeat' in one) relay.repeat();
    else if ('lose' in one) {
      this.isLossy ||= !one.lose;
      relay.lose(this.foreign++, one.lose);
    } else if ('drain' in one) relay.drain(one.drain);
    else if ('wake' in one) {
      for (let n = 0; n < one.wake; n++) {
        client.wake();
        await this.pass(25);
      }
    } else {
      this.isLossy = true;
      if ('forget' in one) relay.trim();
      else relay.restart();
      // What it had taken is not known any more.
      this.isUnsure = true;
      this.restarts++;
    }
  }

  private async pass(ms: number): Promise<void> {
    this.passedMs += ms;
    await this.time.pass(ms);
  }

  private hear(count: number): void {
    for (let n = 0; n < count; n++) this.relay.publish(this.foreign++);
  }

  private publish(): void {
    const data = `own ${this.outcomes.size}`;
    this.outcomes.set(data, 'pending');
    const end = (outcome: string): void => {
      assert.equal(this.outcomes.get(data), 'pending');
      this.outcomes.set(data, outcome);
    };
    this.client.publish('room', data).then(
      (_: Published) => end('ok'),
      ({ code }: FanwireError) => end(code),
    );
  }

  /** Each is heard once and in order, or a gap stands in the place of what is missing. */
  private judgeMessages(): void {
    let next = 0;
    let isGapTold = false;
    for (const one of this.heard) {
      if (typeof one === 'object') isGapTold = true;
      else if (typeof one === 'number') {
        assert.ok(one >= next, `${one} is heard where ${next} comes next`);
        assert.ok(one === next || isGapTold, `${next} to ${one - 1} are missing, and no gap was told`);
        next = one + 1;
        isGapTold = false;
      } else {
        const outcome = String(this.outcomes.get(one));
        assert.ok(outcome.endsWith('UNCONFIRMED'), `an own message is heard, "${one}", which is ${outcome}`);
      }
    }
    assert.equal(next, this.foreign, 'the last one is heard');
    if (!this.isLossy)
      assert.deepEqual(
        this.heard.filter((one) => typeof one === 'object'),
        [],
        'a gap, and nothing is lost',
      );
  }

  /** Each arrives once at most, in order, and ends with the truth. */
  private judgePublishes(): void {
    const { taken, overtaking } = this.relay;
    const isPrompt = !this.isUnsure && this.passedMs < 80_000;
    for (const [data, outcome] of this.outcomes) {
      const arrived = taken.filter((one) => one === data).length;
      assert.notEqual(outcome, 'pending', `${data} never ended`);
      if (this.restarts === 0) assert.ok(arrived <= 1, `${data} arrived ${arrived} times`);
      if (outcome === 'ok') assert.ok(arrived > 0, `${data} was answered with ok`);
      // A relay that has forgotten what arrived may forbid its repeat.
      const isRefused = outcome.endsWith('QUEUE_FULL') || (outcome.endsWith('FORBIDDEN') && !this.isLossy);
      if (isRefused) assert.equal(arrived, 0, `${data} was refused`);
      if (isPrompt) assert.ok(!outcome.endsWith('UNCONFIRMED'), `${data} could have been confirmed`);
    }
    if (this.restarts > 0) return;
    const order = taken.filter((data) => !overtaking.has(data)).map((data) => Number(String(data).slice(4)));
    const sorted = [...order].sort((a, b) => a - b);
    assert.deepEqual(order, sorted, 'own ones in order');
  }

  /** A closed client is done: what waits has ended, and no timer is left. */
  private async judgeClose(): Promise<void> {
    const { relay, client, room, time } = this;
    relay.weather = { ...relay.weather, answers: 'never' };
    const before = this.outcomes.size;
    this.publish();
    await time.pass(20);
    relay.weather = { ...relay.weather, opening: 'hang' };
    relay.cut(false);
    await time.pass(1);
    this.publish();
    client.close();
    this.publish();
    await time.pass(20); // what travelled has arrived
    assert.equal(client.state, 'closed');
    assert.equal(room.state, 'ended');
    const ends = [...this.outcomes.values()].slice(before);
    assert.deepEqual(
      ends,
      ['UNCONFIRMED', 'CLOSED', 'CLOSED'].map((name) => `FANWIRE_CLIENT_${name}`),
    );
    assert.equal(time.pending, 0, 'a closed client leaves no timer');
    const { length } = relay.attempts;
    await time.pass(60_000);
    assert.equal(relay.attempts.length, length, 'a closed client does not come back');
  }
}

/** In any second no more than `most`. */
function assertCalm(times: readonly number[], most: number, what: string): void {
  times.forEach((at, index) => {
    const within = times.slice(index).filter((other) => other - at < 1000).length;
    assert.ok(within <= most, `${within} ${what} in a second`);
  });
}

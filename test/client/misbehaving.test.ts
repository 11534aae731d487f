// The client against a relay that does not keep to the protocol, without sockets: what it says is played frame by frame.
// Whatever comes, no message is made up or lost without a gap, every promise ends and no wait is without bounds.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type ClientOptions, FanwireClient, type FanwireError } from '../../src/client/index.js';
import { VirtualTime } from '../support/virtual-time.js';

type Frame = { readonly [field: string]: unknown };

/** A socket whose other end is the test. */
class Wire {
  readonly bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: Frame[] = [];
  isClosed = false;
  /** As some runtimes do. */
  cannotBeClosedEarly = false;
  private isOpen = false;

  constructor(wires: Wire[]) {
    wires.push(this);
  }

  open(hello: Frame = {}): void {
    this.isOpen = true;
    this.onopen?.();
    this.say({ op: 'hello', limits: { maxPayload: 65_536 }, ...hello });
  }

  say(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) });
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    if (this.cannotBeClosedEarly && !this.isOpen) throw new Error('InvalidStateError');
    this.isClosed = true;
  }

  /** The newest op of that name. */
  last(op: string): Frame | undefined {
    return this.sent.findLast((each) => each.op === op);
  }

  count(op: string): number {
    return this.sent.filter((each) => each.op === op).length;
  }
}

class Stage {
  readonly time: VirtualTime;
  readonly wires: Wire[] = [];
  readonly client: FanwireClient;
  readonly errors: FanwireError[] = [];

  constructor(t: TestContext, options: ClientOptions = {}) {
    this.time = new VirtualTime(t);
    const { wires } = this;
    const WebSocket = class extends Wire {
      constructor() {
        super(wires);
      }
    };
    this.client = new FanwireClient('ws://relay', { WebSocket, ...options });
    this.client.on('error', (error) => this.errors.push(error));
    t.after(() => this.client.close());
  }

  get wire(): Wire {
    return this.wires.at(-1) as Wire;
  }

  /** The next attempt, after whatever wait comes before it, is let in. */
  async open(hello?: Frame): Promise<Wire> {
    await this.time.pass(10);
    while (this.client.state !== 'connecting') await this.time.pass(10);
    this.wire.open(hello);
    return this.wire;
  }

  /** A topic with history, joined at number 0. */
  join(topic: string): { heard: unknown[]; gaps: unknown[]; room: ReturnType<FanwireClient['subscribe']> } {
    const heard: unknown[] = [];
    const gaps: unknown[] = [];
    const room = this.client.subscribe(topic, ({ data }) => heard.push(data));
    room.on('gap', ({ reason }) => gaps.push(reason));
    this.wire.say({ op: 'ok', id: this.wire.last('sub')?.id, topic, epoch: 'e', seq: 0 });
    return { heard, gaps, room };
  }
}

test('what is no op makes up no message: the connection ends, and what it held comes with the next one', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  const { heard, room } = stage.join('room');
  const batches = [
    (n: number) => [{ op: 'msg', topic: 'room', data: n, seq: n }, null, { data: -1, seq: n + 1 }],
    (n: number) => [{ op: 'msg', topic: 'room', data: n, seq: n }, 5],
    (n: number) => [{ op: 'msg', topic: 'room', data: n, seq: n }, 'text'],
    (n: number) => [{ op: 'msg', topic: 'room', data: n, seq: n }, [{ data: -2, seq: n + 1 }]],
    () => [null],
    () => 7,
  ];
  for (const [index, batch] of batches.entries()) {
    stage.wire.say(batch(index + 1));
    assert.equal(stage.client.state, 'waiting');
    assert.ok(stage.wire.isClosed);
    await stage.open();
    const sub = stage.wire.last('sub') as Frame;
    assert.deepEqual(sub.since, { epoch: 'e', seq: Math.min(index + 1, 4) });
    stage.wire.say({ op: 'ok', id: sub.id, topic: 'room', epoch: 'e', seq: index, recovered: true, replayed: 0 });
    assert.equal(room.state, 'live');
  }
  assert.deepEqual(heard, [1, 2, 3, 4]);
});

test('an answer that is none, or an error without a code, leaves no promise without an end', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  const published = stage.client.publish('room', 1);
  stage.wire.say({ op: 'error', id: stage.wire.last('pub')?.id });
  await assert.rejects(published, { name: 'FanwireError' });
  const room = stage.client.subscribe('room');
  stage.wire.say({ op: 'error', id: stage.wire.last('sub')?.id, message: 7 });
  await assert.rejects(room.ready, { name: 'FanwireError' });
  // To questions that nobody asked.
  for (const op of ['ok', 'error', 'pong', 'presence', 'msg', 'lost', 'join'])
    stage.wire.say({ op, id: 999, topic: 'x' });
  assert.equal(stage.client.state, 'open');
});

test('limits that are no numbers hold publishes up for a time, never for good', async (t) => {
  for (const limits of [
    { publishesPerS: 0 },
    { publishesPerS: null },
    { publishesPerS: 'many' },
    { publishesPerS: -1 },
    { publishBytesPerS: 0 },
    { publishesPerS: 1e-300 },
  ]) {
    const stage = new Stage(t);
    const wire = await stage.open({ limits });
    let answered = 0;
    const answers = setInterval(() => {
      wire.say({ op: 'pong' });
      for (; answered < wire.sent.length; answered++) wire.say({ op: 'ok', id: wire.sent[answered]?.id ?? 'a ping' });
    }, 5000);
    const published = Promise.all([1, 2, 3].map((n) => stage.client.publish('room', n)));
    await stage.time.pass(3 * 3_600_000);
    clearInterval(answers);
    assert.equal(stage.client.queued, 0, JSON.stringify(limits));
    await published;
    stage.client.close();
    t.mock.restoreAll();
  }
});

test('what waits is bounded by number and by bytes, and who is turned away is told; what ends makes room', async (t) => {
  const stage = new Stage(t, { queueLimit: 5, queueLimitBytes: 22_000 });
  await stage.time.settle();
  const big = 'x'.repeat(9000);
  const outcomes: string[] = [];
  const publish = (data: string): void => {
    stage.client.publish('room', data).then(
      () => outcomes.push('ok'),
      ({ code }: FanwireError) => outcomes.push(code),
    );
  };
  publish(big);
  publish(big);
  publish(big); // 27,000 bytes
  publish('small');
  for (let n = 0; n < 3; n++) publish('small');
  await stage.time.settle();
  assert.deepEqual(outcomes, ['FANWIRE_CLIENT_QUEUE_FULL', 'FANWIRE_CLIENT_QUEUE_FULL']);
  assert.equal(stage.client.queued, 5);
  await stage.open();
  for (const { id } of stage.wire.sent.filter(({ op }) => op === 'pub')) stage.wire.say({ op: 'ok', id });
  await stage.time.settle();
  assert.deepEqual(outcomes.slice(2), Array(5).fill('ok'));
  stage.wire.onclose?.({ code: 1006 });
  publish(big);
  publish(big);
  await stage.time.settle();
  assert.equal(outcomes.length, 7, 'there is room again');
});

test('every listener hears the states in their order, also where one of them closes the client', async (t) => {
  const stage = new Stage(t);
  const heard: string[][] = [[], []];
  stage.client.on('state', (state) => {
    heard[0]?.push(state);
    if (state === 'waiting') stage.client.close();
  });
  stage.client.on('state', (state) => heard[1]?.push(state));
  await stage.open();
  stage.wire.onclose?.({ code: 1011 });
  assert.deepEqual(heard, [
    ['open', 'waiting', 'closed'],
    ['open', 'closed'],
  ]);
});

test('a subscription that is left in the listener of its gap goes live for nobody', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  const room = stage.client.subscribe('room');
  const told: string[] = [];
  room.on('gap', () => room.unsubscribe());
  room.on('live', () => told.push('live'));
  stage.wire.say({ op: 'ok', id: stage.wire.last('sub')?.id, topic: 'room', epoch: 'e', seq: 9, kept: 9 });
  assert.deepEqual(told, []);
  await assert.doesNotReject(room.ready, 'the relay had confirmed it');
});

test('a subscription refused again and again is asked for more and more rarely', async (t) => {
  const stage = new Stage(t);
  const wire = await stage.open();
  stage.client.subscribe('room');
  const refuse = setInterval(() => {
    const { id } = wire.last('sub') as Frame;
    wire.say({ op: 'error', code: 'FANWIRE_TOO_MANY_TOPICS', message: 'no', id, retryAfterMs: 0 });
    wire.say({ op: 'pong' });
  }, 20);
  await stage.time.pass(60_000);
  const early = wire.count('sub');
  await stage.time.pass(600_000);
  const late = wire.count('sub') - early;
  clearInterval(refuse);
  assert.ok(late < 120, `${late} times in ten minutes, after ${early} in the first`);
});

test('what was lost for a topic without a position is a gap, though the relay says that it can be had again', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  const gaps: unknown[] = [];
  const room = stage.client.subscribe('room');
  room.on('gap', ({ reason, count }) => gaps.push([reason, count]));
  stage.wire.say({ op: 'ok', id: stage.wire.last('sub')?.id, topic: 'room' });
  stage.wire.say({ op: 'lost', topic: 'room', count: 3, recoverable: true });
  assert.deepEqual(gaps, [['lost', 3]]);
});

test('numbers that go back or come twice are heard once, those that skip move on', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  const { heard, room } = stage.join('room');
  for (const seq of [1, 2, 2, 1, 9, 3, 10]) stage.wire.say({ op: 'msg', topic: 'room', data: seq, seq });
  assert.deepEqual(heard, [1, 2, 9, 10]);
  assert.deepEqual(room.since, { epoch: 'e', seq: 10 });
});

test('a pong that was here before the machine woke up counts, whichever event comes first', async (t) => {
  const stage = new Stage(t);
  const wire = await stage.open();
  wire.say({ op: 'pong' });
  await stage.time.pass(40_000); // silence, and a ping
  assert.equal(wire.count('ping'), 2);
  // Asleep over the deadline: the timer is told first, then what had arrived.
  await stage.time.pass(0);
  stage.time.sleep(3_600_000);
  await stage.time.fire();
  wire.say({ op: 'pong' });
  await stage.time.pass(1000);
  assert.equal(stage.client.state, 'open', String(stage.errors[0]));
  await stage.time.pass(60_000);
  assert.equal(stage.client.state === 'open', false, 'one that stays silent is given up');
});

test('a socket that could not be closed before it was open is closed once it opens, late', async (t) => {
  const stage = new Stage(t);
  await stage.time.settle();
  const { wire } = stage;
  wire.cannotBeClosedEarly = true;
  await stage.time.pass(10_500);
  assert.notEqual(stage.wires.length, 1);
  wire.open();
  assert.ok(wire.isClosed);
  assert.equal(wire.sent.length, 0);
});

test('a drain of the past, of nonsense or for ever is waited for within bounds', async (t) => {
  for (const [reconnectInMs, leastMs, mostMs] of [
    [-5000, 0, 2000],
    [null, 0, 2000],
    ['soon', 0, 2000],
    [1e300, 3_600_000, 3_602_000],
  ] as const) {
    const stage = new Stage(t);
    const wire = await stage.open();
    wire.say({ op: 'drain', reconnectInMs });
    const askedAtMs = stage.time.ms;
    const pongs = setInterval(() => wire.say({ op: 'pong' }), 5000);
    while (stage.wires.length === 1 && stage.time.ms - askedAtMs < 4e6) await stage.time.pass(100);
    clearInterval(pongs);
    const tookMs = stage.time.ms - askedAtMs;
    assert.ok(tookMs >= leastMs && tookMs <= mostMs, `${reconnectInMs}: back after ${tookMs} ms`);
    stage.client.close();
    t.mock.restoreAll();
  }
});

test('a close of any code, before the opening, after hello or inside a replay, is come back from, with the position', async (t) => {
  for (const code of [1000, 1001, 1005, 1006, 1008, 1009, 1011, 1012, 1013, 1015, 4000, 4400, 4999]) {
    const stage = new Stage(t);
    await stage.time.settle();
    stage.wire.onclose?.({ code });
    await stage.open();
    const { heard, gaps } = stage.join('room');
    stage.wire.say({ op: 'msg', topic: 'room', data: 1, seq: 1 });
    stage.wire.onclose?.({ code });
    await stage.open();
    stage.wire.onclose?.({ code });
    await stage.open();
    const { id, since } = stage.wire.last('sub') as Frame;
    assert.deepEqual(since, { epoch: 'e', seq: 1 });
    stage.wire.say({ op: 'ok', id, topic: 'room', epoch: 'e', seq: 3, recovered: true, replayed: 2 });
    stage.wire.say({ op: 'msg', topic: 'room', data: 2, seq: 2 });
    stage.wire.onclose?.({ code });
    await stage.open();
    assert.deepEqual(stage.wire.last('sub')?.since, { epoch: 'e', seq: 2 });
    assert.deepEqual([heard, gaps], [[1, 2], []]);
    stage.client.close();
    t.mock.restoreAll();
  }
});

test('ten thousand subscriptions come back within one turn, in one burst of subs and no more', async (t) => {
  const stage = new Stage(t);
  await stage.open();
  for (let n = 0; n < 10_000; n++) stage.client.subscribe(`t${n}`);
  for (const { id, topic } of stage.wire.sent.filter(({ op }) => op === 'sub')) stage.wire.say({ op: 'ok', id, topic });
  stage.wire.onclose?.({ code: 1006 });
  await stage.open();
  assert.equal(stage.wire.count('sub'), 10_000);
  assert.equal(new Set(stage.wire.sent.map(({ topic }) => topic)).size, 10_000 + 1);
});

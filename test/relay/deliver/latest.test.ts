// What a reader of a latest topic ends with, whatever was published, however it stalled: checked on lanes without
// sockets or clocks, and on real sockets that do not read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { startLocalRelay } from '../../support/local-relay.js';
import { SocketClient } from '../../support/socket-client.js';
import { lanes, Reader } from '../../support/windowed-readers.js';

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ is: fc.constant('publish' as const), key: fc.integer({ min: 0, max: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant('window' as const) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constantFrom('stall' as const, 'drain' as const), who: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constantFrom('leave' as const, 'join' as const), who: fc.nat(2) }) },
);

test('by key, a reader ends with the last message of each key that was published while it was there', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const { windows, topic, counters, join, publish, drain, endAll } = lanes('t=1h,latest-by-key');
      const readers = [new Reader('a'), new Reader('b'), new Reader('c')];
      const expected = readers.map(() => new Map<number, string>());
      const isIn = readers.map(() => true);
      for (const reader of readers) join(reader);
      let number = 0;
      for (const each of steps) {
        if (each.is === 'publish') {
          const text = `${each.key}:${++number}`;
          publish(text, String(each.key));
          expected.forEach((map, who) => {
            if (isIn[who]) map.set(each.key, text);
          });
        } else if (each.is === 'window') windows.endAll();
        else {
          const reader = readers[each.who] as Reader;
          if (each.is === 'stall') reader.isStalled = true;
          else if (each.is === 'drain') drain(reader);
          else if (each.is === 'leave' && isIn[each.who]) {
            // What waits for it is not owed any more.
            isIn[each.who] = false;
            windows.laneFor(topic, 0)?.leave(reader.connection, 'raw');
            expected[each.who]?.clear();
            reader.got.length = 0;
          } else if (each.is === 'join' && !isIn[each.who]) {
            isIn[each.who] = true;
            join(reader);
          }
        }
      }
      endAll();
      readers.forEach((reader, who) => {
        const last = new Map(reader.got.map((text) => [Number(text.split(':')[0]), text]));
        if (isIn[who])
          assert.deepEqual(new Map([...last].sort()), new Map([...(expected[who] as Map<number, string>)].sort()));
        const numbers = reader.got.map((text) => Number(text.split(':')[1]));
        assert.deepEqual(
          numbers,
          [...numbers].sort((a, b) => a - b),
          'in the order of the last updates',
        );
      });
      assert.equal(topic.subscribers, isIn.filter(Boolean).length);
      assert.deepEqual([windows.held.waiting, windows.held.kept], [0, 0]);
      assert.ok(counters.conflated >= 0);
    }),
    { numRuns: 300 },
  );
});

for (const dialect of ['raw', 'enveloped', 'batched'] as const) {
  test(`a ${dialect} reader that reads again has every key, also where one write takes more than it is sent at a time`, () => {
    const { windows, join, publish, drain, endAll } = lanes('t=1h,latest-by-key');
    const reader = new Reader('a', dialect);
    join(reader);
    reader.isStalled = true;
    publish('first', 'first');
    windows.endAll();
    const texts = Array.from({ length: 9 }, (_, key) => `${key}:${'x'.repeat(40_000)}`);
    for (const text of texts) publish(text, text.slice(0, 1));
    windows.endAll();
    assert.deepEqual(reader.got, ['first'], 'it is passed over');
    drain(reader); // once: a kernel that takes all that is written tells of no further drain
    assert.deepEqual(reader.got, ['first', ...texts]);
    endAll();
  });
}

test('a reader that reads again while nothing is left for it is told with the next message what was replaced', () => {
  const { windows, join, publish, drain, endAll } = lanes('t=1h,latest');
  const reader = new Reader('a', 'enveloped');
  join(reader);
  publish('1', '');
  reader.isStalled = true;
  windows.endAll(); // it is sent this one
  publish('2', '');
  windows.endAll(); // it is passed over
  publish('3', ''); // this one takes the place of what is kept for it
  drain(reader);
  endAll();
  assert.deepEqual([reader.got, reader.skipped], [['1', '3'], 1]);
});

for (const [what, keys, bytes] of [
  ['keys', 25_000, 1],
  ['bytes', 40, 100_000],
] as const) {
  test(`a reader that reads misses no key of a window with more ${what} than one may hold`, async () => {
    const { windows, counters, join, publish, endAll } = lanes('t=1h,latest-by-key');
    const readers = [new Reader('a'), new Reader('b', 'enveloped')];
    for (const reader of readers) join(reader);
    publish('first', 'first');
    windows.endAll();
    const texts = Array.from({ length: keys }, (_, key) => `${key} ${'x'.repeat(bytes)}`);
    for (const text of texts) publish(text, text.slice(0, text.indexOf(' ')));
    await turn();
    windows.endAll();
    for (const { got } of readers) assert.deepEqual(got, ['first', ...texts]);
    assert.equal(counters.conflated, 0);
    endAll();
  });
}

const counted = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      is: fc.constant('publish' as const),
      key: fc.integer({ min: 0, max: 3 }),
      /** 3 is nobody's. */
      by: fc.nat(3),
      /** Replaced on the way here. */
      replaced: fc.constantFrom(0, 0, 0, 2),
    }),
  },
  { weight: 3, arbitrary: fc.record({ is: fc.constant('window' as const) }) },
  { weight: 3, arbitrary: fc.record({ is: fc.constantFrom('stall', 'stall', 'drain'), who: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constantFrom('leave', 'join', 'hand over'), who: fc.nat(2) }) },
);

for (const deliver of ['t=1h', 't=1h,latest', 't=1h,latest-by-key']) {
  test(`whoever publishes, stalls, joins or leaves, what was published is what was delivered and what was conflated: ${deliver}`, () => {
    fc.assert(
      fc.property(
        fc.array(counted, { maxLength: 120, size: 'max' }),
        fc.constantFrom(1 << 20, 12),
        (steps, maxBytes) => {
          const { windows, topic, counters, join, publish, drain, endAll } = lanes(deliver, { maxBytes });
          const readers = [new Reader('a'), new Reader('b', 'enveloped'), new Reader('c', 'batched')];
          const isIn = readers.map(() => true);
          for (const reader of readers) join(reader);
          const laneOf = ({ connection, dialect }: Reader) => {
            const lane = windows.laneFor(topic, 0);
            return {
              leave: () => lane?.leave(connection, dialect),
              handOver: () => lane?.handOver(connection, dialect),
            };
          };
          let owed = 0;
          /** What those that publish nothing and stay are owed. */
          const owedTo = readers.map(() => 0);
          const isSimple = readers.map(() => true);
          for (const [number, each] of steps.entries()) {
            if (each.is === 'publish' && 'key' in each) {
              const { key, by, replaced } = each;
              publish(`${key}:${number}`, String(key), topic, isIn[by] ? readers[by] : undefined, replaced);
              owed += (1 + replaced) * isIn.filter((there, who) => there && who !== by).length;
              isSimple[by] = false;
              for (const who of owedTo.keys()) owedTo[who] = (owedTo[who] as number) + 1 + replaced;
            } else if (each.is === 'window') windows.endAll();
            else if ('who' in each) {
              const reader = readers[each.who] as Reader;
              if (each.is === 'stall') reader.isStalled = true;
              else if (each.is === 'drain') drain(reader);
              else if (each.is === 'hand over' && isIn[each.who]) laneOf(reader).handOver();
              else if (each.is === 'leave' && isIn[each.who]) {
                windows.endAll(); // what waits would not be owed any more
                isIn[each.who] = isSimple[each.who] = false;
                laneOf(reader).leave();
              } else if (each.is === 'join' && !isIn[each.who]) {
                isIn[each.who] = true;
                join(reader);
              }
            }
          }
          endAll();
          const got = readers.reduce((sum, reader) => sum + reader.got.length, 0);
          assert.equal(got + counters.conflated, owed);
          for (const [who, reader] of readers.entries()) {
            if (reader.dialect === 'raw' || !isSimple[who]) continue;
            // One whose last key went for want of room has no message to be told with.
            if (maxBytes < 100) assert.ok(reader.got.length + reader.skipped <= (owedTo[who] as number));
            else assert.equal(reader.got.length + reader.skipped, owedTo[who], `reader ${who} is told`);
          }
        },
      ),
      { numRuns: Number(process.env.RUNS ?? 300) },
    );
  });
}

test('a plain window hands on exactly what was published while a reader was there, in order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const { windows, topic, join, publish } = lanes('t=1h');
      const readers = [new Reader('a'), new Reader('b'), new Reader('c')];
      const expected: string[][] = readers.map(() => []);
      const isIn = readers.map(() => true);
      for (const reader of readers) join(reader);
      let number = 0;
      for (const each of steps) {
        if (each.is === 'publish') {
          publish(String(++number), undefined);
          expected.forEach((list, who) => {
            if (isIn[who]) list.push(String(number));
          });
        } else if (each.is === 'window') windows.endAll();
        else if (each.is === 'leave' && isIn[each.who]) {
          windows.endAll();
          isIn[each.who] = false;
          windows.laneFor(topic, 0)?.leave((readers[each.who] as Reader).connection, 'raw');
        } else if (each.is === 'join' && !isIn[each.who]) {
          isIn[each.who] = true;
          join(readers[each.who] as Reader);
        }
      }
      windows.endAll();
      windows.stop();
      assert.deepEqual(
        readers.map(({ got }) => got),
        expected,
      );
    }),
    { numRuns: 200 },
  );
});

for (const mode of ['latest', 'latest-by-key']) {
  test(`sockets that stop reading a ${mode} topic stay open, hold next to nothing, and have the newest when they read again`, async (t) => {
    const { relay, url } = await startLocalRelay(t, {
      deliver: `latest/*=1ms,${mode}`,
      maxBackpressureBytes: 65536,
      idleTimeoutS: 0,
    });
    const stalled = await Promise.all(Array.from({ length: 20 }, () => SocketClient.open(t, `${url}/latest/a`)));
    const reader = await SocketClient.open(t, `${url}/latest/a`);
    for (const { socket } of stalled) socket.pause();
    const padding = 'x'.repeat(20_000);
    let number = 0;
    // Until every stalled socket's buffers, the kernel's and the relay's, are full.
    while (relay.counters.stalled < stalled.length) {
      assert.equal(relay.counters.slowConsumers, 0);
      relay.publish('latest/a', Buffer.from(`${++number} ${padding}`), false);
      await reader.until((received) => received.at(-1)?.payload.toString().startsWith(`${number} `) === true);
    }
    for (let more = 0; more < 100; more++) relay.publish('latest/a', Buffer.from(`${++number} ${padding}`), false);
    await reader.until((received) => received.at(-1)?.payload.toString().startsWith(`${number} `) === true);
    const buffered = [...relay.connections.values()].map(({ ws }) => ws?.getBufferedAmount() ?? 0);
    assert.ok(Math.max(...buffered) <= 65536, `${Math.max(...buffered)} bytes wait for one`);
    assert.equal(relay.topics.find('latest/a')?.subscribers, stalled.length + 1);
    for (const { socket } of stalled) socket.resume();
    await Promise.all(
      stalled.map((each) =>
        each.until((received) => received.at(-1)?.payload.toString().startsWith(`${number} `) === true),
      ),
    );
    assert.equal(relay.counters.slowConsumers, 0);
    assert.equal(relay.counters.dropped, 0);
    assert.equal(relay.connections.size, stalled.length + 1);
    assert.equal(relay.counters.delivered + relay.counters.conflated, number * (stalled.length + 1));
  });
}

test('what all topics keep together for readers that do not read has a bound; beyond, the oldest of the topic published to go', () => {
  const { windows, other, topic, counters, join, publish, drain } = lanes('t*=1h,latest-by-key', {
    maxHeldBytes: 20_000,
  });
  const reader = new Reader('a');
  join(reader);
  publish('first', 'first');
  windows.endAll();
  reader.isStalled = true;
  publish('second', 'second');
  windows.endAll();
  const kept: number[] = [];
  for (let key = 0; key < 200; key++) {
    publish(`t ${key}`, String(key));
    publish(`t2 ${key}`, String(key), other);
    windows.endAll();
    kept.push(windows.held.kept);
  }
  assert.ok(Math.max(...kept) <= 21_000, `${Math.max(...kept)} bytes`);
  drain(reader);
  assert.ok(reader.got.includes('t 199') && reader.got.includes('t2 199'), 'the newest are there');
  assert.equal(reader.got.length + counters.conflated, 402, 'what went is counted');
  assert.deepEqual([windows.held.waiting, windows.held.kept], [0, 0]);
  windows.stop();
  assert.equal(topic.subscribers, 1);
});

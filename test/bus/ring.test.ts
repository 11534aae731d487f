// The queue between two threads: whatever is written comes out whole and in order, and what there is no room for is
// counted.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { CrossingQueue } from '../../src/bus/crossing-queue.js';
import { allocateRing, RingReader, RingWriter } from '../../src/bus/ring.js';

interface Message {
  readonly topic: string;
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** Both ends of a ring of `bytes`, and how often the reader was woken. */
function ring(bytes: number) {
  const shared = allocateRing(bytes);
  const port = { woken: 0, postMessage: () => void port.woken++ };
  return { writer: new RingWriter(shared, port), reader: new RingReader(shared), port };
}

/** Reads all there is, and puts the parts of long messages together. */
function collector(reader: RingReader) {
  const whole: Message[] = [];
  let parts: Uint8Array[] = [];
  const read = (): number =>
    reader.drain(({ topic, kind, payload, more }) => {
      parts.push(Buffer.from(payload));
      if (more) return;
      whole.push({ topic, kind, payload: Buffer.concat(parts) });
      parts = [];
    });
  return { whole, read };
}

const topicName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
const message = fc.record({
  topic: fc.oneof(fc.constant('news'), topicName),
  kind: fc.integer({ min: 0, max: 2 }),
  payload: fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ minLength: 500, maxLength: 5000 })),
});

test('messages of any topic and size, some larger than the ring, come out whole, in order, however seldom it is read', () => {
  const steps = fc.array(fc.oneof(message, fc.constant('publish' as const), fc.constant('read' as const)), {
    maxLength: 60,
    size: 'max',
  });
  fc.assert(
    fc.property(steps, (script) => {
      const { writer, reader } = ring(2048);
      const crossings = new CrossingQueue(writer);
      const { whole, read } = collector(reader);
      const sent: Message[] = [];
      for (const step of script) {
        if (step === 'publish') crossings.publish();
        else if (step === 'read') read();
        else {
          const passing = Buffer.from(step.payload);
          crossings.push(step.topic, step.kind, passing);
          sent.push({ ...step, payload: Buffer.from(step.payload) });
          passing.fill(0xff); // as uWS takes its buffer back
        }
      }
      while (!crossings.publish()) read();
      read();
      assert.deepEqual(whole, sent);
      assert.equal(crossings.lost, 0);
    }),
  );
});

test('what is written is not seen before it is published', () => {
  const { writer, reader } = ring(2048);
  writer.write('news', 0, Buffer.from('one'), false);
  assert.equal(
    reader.drain(() => {}),
    0,
  );
  writer.publish();
  assert.equal(
    reader.drain(() => {}),
    1,
  );
});

test('a reader that is awake is not woken again, and one that sleeps is, once', () => {
  const { writer, reader, port } = ring(2048);
  const publish = (): void => {
    writer.write('news', 0, Buffer.from('x'), false);
    writer.publish();
  };
  publish();
  publish();
  assert.equal(port.woken, 1);
  assert.equal(reader.sleep(), false, 'it does not sleep over what has not been read');
  reader.drain(() => {});
  assert.equal(reader.sleep(), true);
  publish();
  assert.equal(port.woken, 2);
});

test('beyond its bound a queue loses the newest messages, counts them, and keeps the order of the rest', () => {
  const { writer, reader } = ring(2048);
  const crossings = new CrossingQueue(writer, 10_000);
  const { whole, read } = collector(reader);
  for (let i = 0; i < 100; i++) crossings.push('news', 0, Buffer.alloc(300, i));
  assert.ok(crossings.lost > 0 && crossings.forwarded > 0);
  assert.equal(crossings.forwarded + crossings.lost, 100);
  crossings.pushControl('news', 254);
  while (!crossings.publish()) read();
  read();
  assert.deepEqual(
    whole.map(({ kind, payload }) => (kind === 254 ? 'control' : payload[0])),
    [...Array(crossings.forwarded).keys(), 'control'],
  );
});

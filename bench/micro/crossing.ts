// `npm run bench:crossing`: what it costs to pass a batch of messages to another thread, in CPU of both threads
// together.
//
// Each loop turn passes `messages` of `bytes`: through fanwire's ring (src/bus/ring.ts), as one transferred
// ArrayBuffer, as a copied buffer, or through a ring whose reader waits with Atomics.waitAsync. The modes take turns,
// so that drift affects all of them alike.
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, MessageChannel, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import { type Received, readRingRecord, recordBound, SAME_TOPIC, writeRingRecord } from '../../src/bus/record.js';
import { allocateRing, RingReader, RingWriter, TAIL } from '../../src/bus/ring.js';
import { medianOf } from '../measure/median.js';

const MODES = ['ring', 'waitAsync', 'transfer', 'copy'] as const;
type Mode = (typeof MODES)[number];

interface Case {
  readonly bytes: number;
  readonly messages: number;
}

interface Setup {
  readonly mode: Mode;
  readonly port: MessagePort;
  readonly shared: SharedArrayBuffer;
  /** Number of messages that the reader has taken. */
  readonly taken: Int32Array;
  readonly total: number;
}

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const TURNS = Number(process.env.TURNS ?? 5000);
const TURNS_IN_FLIGHT = 64;
const RING_BYTES = Number(process.env.RING_BYTES ?? 1 << 20);
const TOPIC = 'bench';

/** Sends `turns` batches, one per loop turn, and returns the CPU microseconds of both threads per batch. */
async function measure(mode: Mode, { bytes, messages }: Case): Promise<number> {
  const { port1, port2 } = new MessageChannel();
  const shared = allocateRing(RING_BYTES);
  const taken = new Int32Array(new SharedArrayBuffer(4));
  const setup: Setup = { mode, port: port2, shared, taken, total: TURNS * messages };
  const reader = new Worker(fileURLToPath(import.meta.url), { workerData: setup, transferList: [port2] });
  await new Promise((resolve) => reader.once('message', resolve));
  const done = new Promise((resolve) => reader.once('message', resolve));
  const send = sender(mode, port1, shared, Buffer.alloc(bytes, 7), messages);
  const before = process.cpuUsage();
  for (let turn = 0; turn < TURNS; ) {
    // Sleeps instead of spinning when the reader is behind: the cost of work is measured, not that of waiting.
    if (turn * messages - Atomics.load(taken, 0) > TURNS_IN_FLIGHT * messages) await sleep(1);
    if (send()) turn++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  const { user, system } = process.cpuUsage(before);
  await reader.terminate();
  port1.close();
  return (user + system) / TURNS;
}

/** Returns the function that passes one batch; it returns false when the ring is full and the turn must be repeated. */
function sender(
  mode: Mode,
  port: MessagePort,
  shared: SharedArrayBuffer,
  message: Buffer,
  count: number,
): () => boolean {
  if (mode === 'transfer' || mode === 'copy') {
    return () => {
      const batch = Buffer.from(new ArrayBuffer(recordBound(TOPIC, message.length) * count));
      let at = 0;
      for (let i = 0; i < count; i++) at += writeRingRecord(batch, at, TOPIC, 0, i > 0 ? SAME_TOPIC : 0, message);
      port.postMessage(batch.buffer, mode === 'transfer' ? [batch.buffer] : []);
      return true;
    };
  }
  const control = new Int32Array(shared, 0, TAIL + 1);
  const wake = mode === 'ring' ? port : { postMessage: () => {} };
  const ring = new RingWriter(shared, wake);
  let pending = 0;
  return () => {
    while (pending < count && ring.write(TOPIC, 0, message, false)) pending++;
    ring.publish();
    if (mode === 'waitAsync') Atomics.notify(control, TAIL);
    if (pending < count) return false;
    pending = 0;
    return true;
  };
}

function receive({ mode, port, shared, taken, total }: Setup): void {
  let left = total;
  let sum = 0;
  const took = (messages: number): void => {
    left -= messages;
    Atomics.add(taken, 0, messages);
    if (left === 0) parentPort?.postMessage(sum);
  };
  if (mode === 'transfer' || mode === 'copy') {
    const record: Received = { length: 0, kind: 0, topic: '', payload: Buffer.alloc(0), more: false };
    port.on('message', (received: ArrayBuffer) => {
      const batch = Buffer.from(received);
      let messages = 0;
      for (let at = 0; at < batch.length && batch.readUInt32LE(at) > 0; at += record.length) {
        readRingRecord(batch, at, record);
        sum += record.payload[0] as number;
        messages++;
      }
      took(messages);
    });
    return;
  }
  const ring = new RingReader(shared);
  const read = (): void => took(ring.drain(({ payload }) => (sum += payload[0] as number)));
  if (mode === 'ring') {
    const poll = (): void => {
      if (ring.sleep()) return;
      read();
      setImmediate(poll);
    };
    port.on('message', () => {
      read();
      setImmediate(poll);
    });
    return;
  }
  const control = new Int32Array(shared, 0, TAIL + 1);
  setInterval(() => {}, 1000); // waitAsync alone does not keep the thread alive
  const wait = async (): Promise<void> => {
    for (;;) {
      const seen = Atomics.load(control, TAIL);
      read();
      await (Atomics as unknown as AtomicsWaitAsync).waitAsync(control, TAIL, seen).value;
    }
  };
  void wait();
}

/** Part of the language since ES2024, which is later than the library that this is compiled against. */
interface AtomicsWaitAsync {
  waitAsync(array: Int32Array, index: number, value: number): { readonly value: Promise<string> | string };
}

if (isMainThread) {
  console.log(`CPU µs a crossing (both threads), and ns a message; median of ${ROUNDS} rounds of ${TURNS} turns\n`);
  console.log(`| messages a turn | bytes | ${MODES.join(' | ')} |`);
  console.log(`| ---: | ---: |${' ---: |'.repeat(MODES.length)}`);
  for (const messages of [1, 8, 64]) {
    for (const bytes of [64, 1024]) {
      const samples = MODES.map(() => [] as number[]);
      for (let round = 0; round < ROUNDS; round++) {
        for (const [i, mode] of MODES.entries()) samples[i]?.push(await measure(mode, { bytes, messages }));
      }
      const cells = samples.map(
        (each) => `${medianOf(each).toFixed(2)} (${((medianOf(each) / messages) * 1000).toFixed(0)})`,
      );
      console.log(`| ${messages} | ${bytes} | ${cells.join(' | ')} |`);
    }
  }
} else {
  receive(workerData as Setup);
  parentPort?.postMessage('ready');
}

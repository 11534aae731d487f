// `npm run bench:workers`: how much more two workers deliver than one, while the generator is idle.
//
// On a machine with two cores, a generator that reads would use the second worker's core. So nobody reads at first: a
// burst goes to sockets whose receive buffers can hold all of it, and this process sleeps until the relay's threads
// use no more CPU. Only then are the buffers read and all bytes counted. Both relays have the same sockets open and
// take turns (ABBA).
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ByteSockets, binaryFrame } from '../load/byte-sockets.js';
import { medianOf } from '../measure/median.js';
import { signalChild } from '../system/signal-child.js';
import { type Server, startRelay } from './server-process.js';

/** One message, as in live traffic; as many as fit one send() per socket; and a backlog, which needs several. */
const SHAPES = [
  { messages: 1, subscribers: 4000 },
  { messages: 32, subscribers: 4000 },
  { messages: 512, subscribers: 2000 },
] as const;
const BYTES = 64;
const ROUNDS = Number(process.env.ROUNDS ?? 8);
const POLL_MS = 2;
/** The relay is done when it has used less than this in each of `IDLE_POLLS` polls in a row. */
const IDLE_NS = 100_000;
const IDLE_POLLS = 10;

interface TurnSample {
  readonly deliveriesPerSecond: number;
  /** CPU nanoseconds per delivery, of all threads and of the busiest one. */
  readonly cpuNs: number;
  readonly busiestNs: number;
}

interface MeasuredSide {
  readonly workers: number;
  readonly server: Server;
  readonly subscribers: ByteSockets;
  readonly publisher: ByteSockets;
  readonly samples: TurnSample[];
}

/** CPU nanoseconds used so far, by thread. */
function threadTimes(pid: number): Map<string, number> {
  const times = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    times.set(thread, Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]));
  }
  return times;
}

const sum = (times: Map<string, number>): number => [...times.values()].reduce((total, ns) => total + ns, 0);

type Shape = (typeof SHAPES)[number];

async function burst({ server, subscribers, publisher }: MeasuredSide, shape: Shape): Promise<TurnSample> {
  const pid = server.process.pid as number;
  const { frame, receivedBytes } = binaryFrame(BYTES);
  // All from one publisher, so that the relay gets it in one read: otherwise the way a burst is split would decide
  // how many send()s it takes.
  const all = Buffer.concat(Array.from({ length: shape.messages }, () => frame));
  const deliveries = shape.messages * shape.subscribers;
  for (const socket of subscribers.sockets) socket.pause();
  const before = threadTimes(pid);
  const due = subscribers.received + deliveries * receivedBytes;
  const startedAt = performance.now();
  publisher.sockets[0]?.write(all);
  let lastBusyAt = startedAt;
  for (let idle = 0, seen = sum(before); idle < IDLE_POLLS || lastBusyAt === startedAt; ) {
    await sleep(POLL_MS);
    const now = sum(threadTimes(pid));
    if (now - seen > IDLE_NS) {
      lastBusyAt = performance.now();
      idle = 0;
    } else idle++;
    seen = now;
  }
  const after = threadTimes(pid);
  const used = [...after].map(([thread, ns]) => ns - (before.get(thread) ?? 0));
  for (const socket of subscribers.sockets) socket.resume();
  while (subscribers.received < due) await sleep(POLL_MS);
  if (subscribers.received > due) throw new Error('more arrived than was published');
  return {
    deliveriesPerSecond: (deliveries / (lastBusyAt - startedAt)) * 1000,
    cpuNs: used.reduce((total, ns) => total + ns, 0) / deliveries,
    busiestNs: Math.max(...used) / deliveries,
  };
}

async function side(workers: number, { subscribers: count }: Shape): Promise<MeasuredSide> {
  const server = await startRelay(['--workers', String(workers), '--max-backpressure', '64m'], 'any core');
  const subscribers = new ByteSockets();
  const publisher = new ByteSockets();
  const url = `ws://127.0.0.1:${server.port}/bench`;
  await subscribers.open(url, count);
  await publisher.open(url, 1);
  return { workers, server, subscribers, publisher, samples: [] };
}

const middle = (samples: TurnSample[], read: (sample: TurnSample) => number): number => medianOf(samples.map(read));

async function measure(shape: Shape): Promise<void> {
  const sides = [await side(1, shape), await side(2, shape)] as const;
  try {
    for (const each of sides) await burst(each, shape);
    for (let round = 0; round < ROUNDS; round++) {
      for (const each of round % 2 === 0 ? sides : [...sides].reverse()) each.samples.push(await burst(each, shape));
    }
    for (const { workers, samples } of sides) {
      const rate = (middle(samples, (sample) => sample.deliveriesPerSecond) / 1e6).toFixed(2);
      const cpu = [middle(samples, (s) => s.cpuNs), middle(samples, (s) => s.busiestNs)].map((ns) => ns.toFixed(0));
      console.log(`| ${shape.messages} | ${shape.subscribers} | ${workers} | ${rate} M | ${cpu.join(' | ')} |`);
    }
    const [one, two] = sides.map(({ samples }) => samples) as [TurnSample[], TurnSample[]];
    const ratio = (read: (sample: TurnSample) => number): string => {
      const all = two.map((sample, i) => read(sample) / read(one[i] as TurnSample));
      return `**${medianOf(all).toFixed(2)}** (${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)})`;
    };
    const [byRate, byCpu] = [ratio((s) => s.deliveriesPerSecond), ratio((s) => 1 / s.busiestNs)];
    console.log(`| | | 2 over 1 | ${byRate} | | ${byCpu} |`);
  } finally {
    for (const { server, subscribers, publisher } of sides) {
      subscribers.close();
      publisher.close();
      signalChild(server.process, 'SIGKILL');
    }
  }
}

console.log(`Bursts of ${BYTES} B messages of one publisher, ${ROUNDS} on each side in turn; medians\n`);
console.log('| messages | sockets | workers | deliveries/s | CPU ns a delivery | of the busiest thread |');
console.log('| ---: | ---: | ---: | ---: | ---: | ---: |');
for (const shape of SHAPES) await measure(shape);

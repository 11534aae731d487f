// `npm run soak`: minutes of mixed load on one relay, then two questions: did anyone who reads lose a message, and is
// the relay's memory flat? Fails on either. `--minutes 10` unless told otherwise; half a minute is enough to see that
// it works.
import { setTimeout as after } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { residentMemory } from '../bench/measure/resident-memory.js';
import { positive, scriptCommand } from '../bench/run/script-command.js';
import { ADMIN_LISTENING, serveCommand, urlIn } from '../bench/targets/own-relay.js';
import { ServerProcess } from '../bench/targets/server-process.js';
import { Exit } from '../src/base/exit-codes.js';

const { minutes } = scriptCommand('soak', 'minutes of mixed load on one relay: is a message lost, is its memory flat?')
  .option('--minutes <n>', 'how long; half a minute shows that it works, ten show a leak', positive, 10)
  .parse()
  .opts<{ readonly minutes: number }>();
const durationMs = minutes * 60_000;

/** What the trend line may rise by over the second half. V8's heap saws between collections by about its young
 *  generation (3 × 16 MB at most) and the line through the saw's teeth tilts by a fraction of that; a leak of 1 kB a
 *  second-hand connection (100 a second) shows above it within five minutes, one of 10 bytes a message (1,300 a second)
 *  in twenty. */
const MAX_RISE_BYTES = 16 << 20;
const SAMPLE_MS = 500;
const LARGEST_BYTES = 60_000;

/** A topic: who publishes how, and who listens. Sequence numbers stand in the first 8 characters, so that text may
 *  carry them. */
interface Part {
  readonly topic: string;
  readonly readers: number;
  readonly protocol?: 'fanwire.v1';
  /** Messages of one turn. */
  readonly messages: number;
  readonly everyMs: number;
  readonly bytes: () => number;
}

const PARTS: readonly Part[] = [
  { topic: 'fan-out', readers: 50, messages: 2, everyMs: 10, bytes: () => 100 },
  { topic: 'burst', readers: 20, messages: 400, everyMs: 1000, bytes: () => 64 },
  {
    topic: 'sizes',
    readers: 10,
    messages: 1,
    everyMs: 50,
    bytes: () => 8 + Math.floor(LARGEST_BYTES * Math.random() ** 4),
  },
  { topic: 'churn', readers: 5, messages: 1, everyMs: 10, bytes: () => 200 },
  { topic: 'stalls', readers: 5, messages: 4, everyMs: 20, bytes: () => 4000 },
  { topic: 'kept', readers: 10, protocol: 'fanwire.v1', messages: 1, everyMs: 10, bytes: () => 100 },
];
const CHURN_EVERY_MS = 10;
/** What those who come and go publish themselves. */
const PASSER_BY = 'passer-by';
const STALLED = 10;
const STALLED_FOR_MS = 8000;

const FLAGS = ['--max-backpressure', '256k', '--slow-consumer', 'drop', '--history', 'kept=200,1m,256k'];

/** Counts what is missing in one topic's stream. */
class Reader {
  received = 0;
  wrong = 0;

  constructor(
    readonly socket: WebSocket,
    isEnveloped: boolean,
  ) {
    socket.on('message', (payload: Buffer) => {
      if (!isEnveloped) return this.take(payload.toString('latin1', 0, 8));
      const frame = JSON.parse(payload.toString()) as { op: string; data: string };
      if (frame.op === 'msg') this.take(frame.data.slice(0, 8));
    });
  }

  private take(seq: string): void {
    if (PASSER_BY.startsWith(seq)) return;
    if (Number.parseInt(seq, 16) !== this.received + this.wrong) this.wrong++;
    else this.received++;
  }
}

class PartUnderLoad {
  published = 0;
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    readonly part: Part,
    private readonly publisher: WebSocket,
    readonly readers: readonly Reader[],
  ) {}

  static async open(url: string, part: Part): Promise<PartUnderLoad> {
    const { topic, protocol } = part;
    const readers = await Promise.all(
      Array.from({ length: part.readers }, async () => {
        const socket = await open(protocol === undefined ? `${url}/${topic}` : url, protocol);
        if (protocol !== undefined) await subscribe(socket, topic);
        return new Reader(socket, protocol !== undefined);
      }),
    );
    return new PartUnderLoad(part, await open(`${url}/${topic}`), readers);
  }

  start(): void {
    this.timer = setInterval(() => {
      for (let i = 0; i < this.part.messages; i++) {
        const seq = (this.published++).toString(16).padStart(8, '0');
        this.publisher.send(seq.padEnd(this.part.bytes(), '.'));
      }
    }, this.part.everyMs);
  }

  /** Messages that a reader did not get, once all had time to. */
  async stop(): Promise<number> {
    clearInterval(this.timer);
    const missing = (): number =>
      this.readers.reduce((sum, { received }) => sum + Math.max(0, this.published - received), 0);
    for (let tries = 0; missing() > 0 && tries < 100; tries++) await after(100);
    const wrong = this.readers.reduce((sum, reader) => sum + reader.wrong, 0);
    return Math.max(missing(), wrong);
  }
}

function open(url: string, protocol?: string): Promise<WebSocket> {
  const socket = new WebSocket(url, protocol === undefined ? [] : [protocol], { perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}

function subscribe(socket: WebSocket, topic: string): Promise<void> {
  socket.send(JSON.stringify({ op: 'sub', topic }));
  return new Promise((resolve) => socket.once('message', () => resolve()));
}

/** Subscribers that come, and go with a goodbye or without; until `isOver`. */
async function churn(url: string, isOver: () => boolean): Promise<number> {
  let comings = 0;
  for (; !isOver(); comings++) {
    const socket = await open(`${url}/churn`);
    socket.on('error', () => {});
    if (comings % 3 === 0) socket.send(PASSER_BY, () => socket.terminate());
    else setTimeout(() => (comings % 2 === 0 ? socket.close() : socket.terminate()), 200 * Math.random());
    await after(CHURN_EVERY_MS);
  }
  return comings;
}

/** Subscribers that stop reading for a while, again and again; until `isOver`. */
async function stall(url: string, isOver: () => boolean): Promise<void> {
  const socket = await open(`${url}/stalls`);
  socket.on('error', () => {});
  while (!isOver()) {
    socket.pause();
    await Promise.race([after(STALLED_FOR_MS * Math.random()), over(isOver)]);
    socket.resume();
    await after(STALLED_FOR_MS * 0.1 * Math.random());
  }
  socket.terminate();
}

async function over(isOver: () => boolean): Promise<void> {
  while (!isOver()) await after(SAMPLE_MS);
}

interface MemorySample {
  readonly atMs: number;
  readonly rss: number;
}

/** Least squares: what the trend rises by over the time the samples span. */
function riseOf(samples: readonly MemorySample[]): number {
  const mean = (of: (sample: MemorySample) => number): number =>
    samples.reduce((sum, s) => sum + of(s), 0) / samples.length;
  const atMean = mean(({ atMs }) => atMs);
  const rssMean = mean(({ rss }) => rss);
  const slope =
    samples.reduce((sum, { atMs, rss }) => sum + (atMs - atMean) * (rss - rssMean), 0) /
    samples.reduce((sum, { atMs }) => sum + (atMs - atMean) ** 2, 0);
  return slope * ((samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0));
}

async function main(): Promise<void> {
  const relay = new ServerProcess(serveCommand(FLAGS), {}, []);
  const url = await relay.findInOutput((output) => urlIn(output));
  const admin = await relay.findInOutput((output) => urlIn(output, ADMIN_LISTENING));
  const parts = await Promise.all(PARTS.map((part) => PartUnderLoad.open(url, part)));
  const steady = await connectionsOf(admin);

  const startedAt = performance.now();
  const isOver = (): boolean => performance.now() - startedAt >= durationMs;
  for (const part of parts) part.start();
  const comings = churn(url, isOver);
  const stalls = Array.from({ length: STALLED }, () => stall(url, isOver));
  const samples: MemorySample[] = [];
  while (!isOver()) {
    samples.push({ atMs: performance.now() - startedAt, rss: residentMemory(relay.pid).rssBytes });
    await after(SAMPLE_MS);
  }

  const lostBy: Record<string, number> = {};
  for (const part of parts) lostBy[part.part.topic] = await part.stop();
  const lost = Object.values(lostBy).reduce((sum, count) => sum + count, 0);
  const churned = await comings;
  await Promise.all(stalls);
  for (let tries = 0; (await connectionsOf(admin)) !== steady && tries < 50; tries++) await after(100);
  const leftOver = (await connectionsOf(admin)) - steady;
  const rise = riseOf(samples.slice(samples.length >> 1));
  const dropped = await metric(admin, 'fanwire_messages_dropped_total{reason="slow_consumer"}');
  const delivered = parts.reduce(
    (sum, { readers }) => sum + readers.reduce((all, { received }) => all + received, 0),
    0,
  );
  const passed = lost === 0 && leftOver === 0 && rise <= MAX_RISE_BYTES;
  const mb = (bytes: number): string => (bytes / (1 << 20)).toFixed(1);
  const last = samples.at(-1)?.rss ?? 0;
  console.log(
    `soak ${passed ? 'passed' : 'FAILED'}: ${minutes} min, ${delivered} deliveries to readers, ${lost} lost, ` +
      `${dropped} counted drops of ${STALLED} stalling ones, ${churned} connections came and went, ${leftOver} left over, ` +
      `RSS ${mb(last)} MB, trend ${mb(rise)} MB over the second half (at most ${mb(MAX_RISE_BYTES)})`,
  );
  console.log(
    JSON.stringify({
      schema: 'fanwire.soak/1',
      passed,
      minutes,
      delivered,
      lost,
      lostBy,
      dropped,
      churned,
      leftOver,
      rssBytes: last,
      rssRiseBytes: Math.round(rise),
      maxRiseBytes: MAX_RISE_BYTES,
    }),
  );
  await relay.stop();
  process.exit(passed ? Exit.good : Exit.failed);
}

async function metric(admin: string, name: string): Promise<number> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

function connectionsOf(admin: string): Promise<number> {
  return metric(admin, 'fanwire_connections');
}

await main();

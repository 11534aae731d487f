// `npm run bench:windows`: what delivery windows cost and how fresh the readers' state is, compared with immediate
// delivery.
//
// One publisher sends at a steady rate to topics that differ only in their delivery rule, one turn per topic. CPU is
// the relay's, per published message and subscriber. Staleness is how old a reader's newest state is when the next
// one arrives, counted from its publish time; some readers look at each message for this. The publisher and these
// readers have their own thread: on the thread that drains thousands of sockets, each message would have to wait, and
// would be published in bursts. A rate that the relay cannot sustain (it used a whole core, or was behind at the end)
// is reported as such, without figures.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { WebSocket } from 'ws';
import { ByteSockets, clientFrame } from '../load/byte-sockets.js';
import { cpuSeconds } from '../measure/cpu-time.js';
import { medianOf } from '../measure/median.js';
import { pinIfPossible } from '../measure/pinning.js';
import { signalChild } from '../system/signal-child.js';
import { startRelay } from './server-process.js';

const BINARY_FRAME = 0x82;
const PAYLOAD_BYTES = 64;
const WITNESSES = 3;
const TICK_MS = 1;
/** A relay that needs longer than this for the rest was overloaded, not just delayed by its machine for a moment. */
const BEHIND_MS = 500;
const WINDOWS_MS = [20, 50, 200];
/** A relay at this share of a core counts as saturated: it cannot sustain the rate. */
const SATURATED = 0.95;
const subscribers = Number(process.env.SUBSCRIBERS ?? 500);
const rates = (process.env.RATES ?? '100,1000,5000').split(',').map(Number);
const rounds = Number(process.env.ROUNDS ?? 3);
const durationMs = Number(process.env.TURN_MS ?? 2000);

interface Played {
  readonly cpuUs: number;
  readonly staleP50: number;
  readonly staleP99: number;
  readonly perSecond: number;
  readonly isCarried: boolean;
}

/** What the publisher's thread reports about a turn. */
interface TurnReport {
  readonly published: number;
  readonly tookMs: number;
  readonly received: number;
  readonly ages: readonly number[];
}

const clock = (): number => performance.timeOrigin + performance.now();

/** Looks at each message that it receives; the message contains its publish time. */
class Witness {
  readonly ages: number[] = [];
  received = 0;
  private newest = 0;

  async open(url: string): Promise<void> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    socket.on('message', (payload: Buffer) => this.hear(payload.readDoubleLE(0)));
    await once(socket, 'open');
  }

  reset(): void {
    this.ages.length = 0;
    this.received = 0;
    this.newest = 0;
  }

  private hear(publishedAtMs: number): void {
    if (this.newest > 0) this.ages.push(clock() - this.newest);
    this.newest = publishedAtMs;
    this.received++;
  }
}

async function publishes(url: string): Promise<void> {
  const witnesses = Array.from({ length: WITNESSES }, () => new Witness());
  await Promise.all(witnesses.map((witness) => witness.open(url)));
  const publisher = new ByteSockets();
  await publisher.open(url, 1);
  const [socket] = publisher.sockets;
  parentPort?.on('message', async ({ rate, isAll }: { rate: number; isAll: boolean }) => {
    for (const witness of witnesses) witness.reset();
    const startedAt = performance.now();
    let published = 0;
    for (let elapsed = 0; elapsed < durationMs; elapsed = performance.now() - startedAt) {
      const due = Math.floor((elapsed / 1000) * rate) - published;
      if (due > 0) socket?.write(Buffer.concat(Array.from({ length: due }, stamped)));
      published += Math.max(0, due);
      await sleep(TICK_MS);
    }
    const tookMs = performance.now() - startedAt;
    await sleep(2 * Math.max(...WINDOWS_MS)); // for the messages that still wait in the last window
    const least = (): number => Math.min(...witnesses.map((each) => each.received));
    for (let tries = 0; isAll && least() < published && tries < BEHIND_MS / TICK_MS; tries++) await sleep(TICK_MS);
    const received = least();
    parentPort?.postMessage({ published, tookMs, received, ages: witnesses.flatMap((each) => each.ages) });
  });
  parentPort?.postMessage('ready');
}

function stamped(): Buffer {
  const payload = Buffer.alloc(PAYLOAD_BYTES);
  payload.writeDoubleLE(clock(), 0);
  return clientFrame(BINARY_FRAME, payload);
}

async function measure(): Promise<void> {
  const rules = [
    { name: 'at once', topic: 'free', deliver: '', isAll: true },
    ...WINDOWS_MS.map((ms) => ({ name: `${ms} ms`, topic: `all${ms}`, deliver: `all${ms}=${ms}ms`, isAll: true })),
    ...WINDOWS_MS.map((ms) => {
      return { name: `${ms} ms, latest`, topic: `new${ms}`, deliver: `new${ms}=${ms}ms,latest`, isAll: false };
    }),
  ];
  pinIfPossible(process.pid, 1);
  const deliver = rules.flatMap((rule) => (rule.deliver === '' ? [] : [rule.deliver])).join(';');
  const relay = await startRelay(['--max-backpressure', '64m', '--deliver', deliver]);
  const pids = [relay.process.pid as number];

  async function play(publisher: Worker, isAll: boolean, rate: number): Promise<Played> {
    const before = cpuSeconds(pids);
    publisher.postMessage({ rate, isAll });
    const [told] = (await once(publisher, 'message')) as [TurnReport];
    const cpu = cpuSeconds(pids) - before;
    const ages = [...told.ages].sort((a, b) => a - b);
    const at = (share: number): number =>
      ages[Math.min(ages.length - 1, Math.floor(share * ages.length))] ?? Number.NaN;
    return {
      cpuUs: (cpu * 1e6) / (told.published * (subscribers + WITNESSES)),
      staleP50: at(0.5),
      staleP99: at(0.99),
      perSecond: (told.received / told.tookMs) * 1000,
      isCarried: cpu < (SATURATED * told.tookMs) / 1000 && (!isAll || told.received === told.published),
    };
  }

  const played = new Map(rules.map(({ name }) => [name, rates.map(() => [] as Played[])]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, topic, isAll } of round % 2 === 0 ? rules : rules.toReversed()) {
      const url = `ws://127.0.0.1:${relay.port}/${topic}`;
      const sockets = new ByteSockets();
      await sockets.open(url, subscribers);
      const publisher = new Worker(fileURLToPath(import.meta.url), { workerData: url });
      await once(publisher, 'message');
      for (const [i, rate] of rates.entries()) played.get(name)?.[i]?.push(await play(publisher, isAll, rate));
      await publisher.terminate();
      sockets.close();
    }
  }
  signalChild(relay.process, 'SIGKILL');

  console.log(
    `${subscribers + WITNESSES} subscribers, ${PAYLOAD_BYTES} B, ${rounds} rounds of ${durationMs} ms each\n`,
  );
  console.log(
    '| msg/s | delivery | µs CPU a message and subscriber | of at once (spread) | staleness p50, p99 | delivered a second |',
  );
  console.log('|---:|---|---:|---:|---:|---:|');
  for (const [i, rate] of rates.entries()) {
    const atOnce = played.get('at once')?.[i] ?? [];
    for (const { name } of rules) {
      const all = played.get(name)?.[i] ?? [];
      const of = (read: (one: Played) => number): number => medianOf(all.map(read));
      const ratios = all.map(({ cpuUs }, n) => cpuUs / (atOnce[n] as Played).cpuUs);
      const ratio = atOnce.every(({ isCarried }) => isCarried)
        ? `${medianOf(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}..${Math.max(...ratios).toFixed(2)})`
        : '';
      const cells = all.every(({ isCarried }) => isCarried)
        ? `${of((one) => one.cpuUs).toFixed(3)} | ${ratio} | ${of((one) => one.staleP50).toFixed(1)}, ` +
          `${of((one) => one.staleP99).toFixed(1)} ms | ${of((one) => one.perSecond).toFixed(0)}`
        : `not carried | | | ${of((one) => one.perSecond).toFixed(0)}`;
      console.log(`| ${rate} | ${name} | ${cells} |`);
    }
  }
}

if (isMainThread) {
  await measure();
  process.exit(0);
} else await publishes(workerData as string);

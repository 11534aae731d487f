// `npm run bench:windows`: what delivery windows cost and how fresh their readers are, beside delivery at once,
// interleaved on one relay.
//
// One publisher sends at a steady rate to topics that differ in their rule only, a turn each. CPU is the relay's, a
// published message and subscriber. Staleness is how old the newest state of a reader is when the next one arrives:
// publish time of the one before until now, over some readers that look at each message.
import { WebSocket } from 'ws';
import { ByteSockets, clientFrame } from '../load/byte-sockets.js';
import { cpuSeconds } from '../measure/cpu-time.js';
import { medianOf } from '../measure/median.js';
import { pinIfPossible } from '../measure/pinning.js';
import { signalChild } from '../run/signal-child.js';
import { startRelay } from './server-process.js';

const BINARY_FRAME = 0x82;
const PAYLOAD_BYTES = 64;
const WITNESSES = 10;
const TICK_MS = 1;
const WINDOWS_MS = [20, 50, 200];
const subscribers = Number(process.env.SUBSCRIBERS ?? 500);
const rates = (process.env.RATES ?? '100,1000,5000').split(',').map(Number);
const rounds = Number(process.env.ROUNDS ?? 3);
const durationMs = Number(process.env.TURN_MS ?? 2000);

interface Rule {
  readonly name: string;
  readonly topic: string;
  readonly deliver: string;
}

interface Played {
  readonly cpuUs: number;
  readonly staleP50: number;
  readonly staleP99: number;
  readonly perSecond: number;
}

const rules: Rule[] = [
  { name: 'at once', topic: 'free', deliver: '' },
  ...WINDOWS_MS.map((ms) => ({ name: `${ms} ms`, topic: `all${ms}`, deliver: `all${ms}=${ms}ms` })),
  ...WINDOWS_MS.map((ms) => ({ name: `${ms} ms, latest`, topic: `new${ms}`, deliver: `new${ms}=${ms}ms,latest` })),
];

pinIfPossible(process.pid, 1);
const deliver = rules.flatMap((rule) => (rule.deliver === '' ? [] : [rule.deliver])).join(';');
const relay = await startRelay(['--max-backpressure', '64m', '--deliver', deliver]);
const url = `ws://127.0.0.1:${relay.port}`;

/** Looks at each message that it gets: the time in it is when it was published. */
class Witness {
  readonly ages: number[] = [];
  received = 0;
  private newest = 0;

  static open(topic: string): Promise<Witness> {
    const witness = new Witness();
    const socket = new WebSocket(`${url}/${topic}`, { perMessageDeflate: false });
    socket.on('message', (payload: Buffer) => witness.hear(payload.readDoubleLE(0)));
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(witness));
      socket.once('error', reject);
    });
  }

  private hear(publishedAtMs: number): void {
    if (this.newest > 0) this.ages.push(performance.now() - this.newest);
    this.newest = publishedAtMs;
    this.received++;
  }

  reset(): void {
    this.ages.length = 0;
    this.received = 0;
    this.newest = 0;
  }
}

async function play(sockets: ByteSockets, witnesses: readonly Witness[], rate: number): Promise<Played> {
  for (const witness of witnesses) witness.reset();
  const pids = [relay.process.pid as number];
  const before = cpuSeconds(pids);
  const startedAt = performance.now();
  let published = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now();
      const due = Math.floor((Math.min(now - startedAt, durationMs) / 1000) * rate);
      if (due > published) sockets.sockets[0]?.write(Buffer.concat(frames(due - published)));
      published = due;
      if (now - startedAt < durationMs) return;
      clearInterval(timer);
      setTimeout(resolve, 2 * Math.max(...WINDOWS_MS)); // what waits in the last window
    }, TICK_MS);
  });
  const cpuUs = ((cpuSeconds(pids) - before) * 1e6) / (published * (subscribers + WITNESSES));
  const ages = witnesses.flatMap((each) => each.ages).sort((a, b) => a - b);
  const at = (share: number): number => ages[Math.min(ages.length - 1, Math.floor(share * ages.length))] ?? Number.NaN;
  const received = witnesses.reduce((sum, each) => sum + each.received, 0);
  return { cpuUs, staleP50: at(0.5), staleP99: at(0.99), perSecond: (received / WITNESSES / durationMs) * 1000 };
}

function frames(count: number): Buffer[] {
  return Array.from({ length: count }, () => {
    const payload = Buffer.alloc(PAYLOAD_BYTES);
    payload.writeDoubleLE(performance.now(), 0);
    return clientFrame(BINARY_FRAME, payload);
  });
}

const topics = new Map<string, { sockets: ByteSockets; witnesses: Witness[] }>();
for (const { topic } of rules) {
  const sockets = new ByteSockets();
  await sockets.open(`${url}/${topic}`, subscribers + 1);
  topics.set(topic, {
    sockets,
    witnesses: await Promise.all(Array.from({ length: WITNESSES }, () => Witness.open(topic))),
  });
}

console.log(`${subscribers + WITNESSES} subscribers, ${PAYLOAD_BYTES} B, ${rounds} rounds of ${durationMs} ms each\n`);
console.log(
  '| msg/s | delivery | µs CPU a message and subscriber | of at once (spread) | staleness p50, p99 | delivered a second |',
);
console.log('|---:|---|---:|---:|---:|---:|');
for (const rate of rates) {
  const played = new Map<string, Played[]>(rules.map(({ topic }) => [topic, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { topic } of round % 2 === 0 ? rules : rules.toReversed()) {
      const { sockets, witnesses } = topics.get(topic) as { sockets: ByteSockets; witnesses: Witness[] };
      played.get(topic)?.push(await play(sockets, witnesses, rate));
    }
  }
  const atOnce = played.get('free') as Played[];
  for (const { name, topic } of rules) {
    const all = played.get(topic) as Played[];
    const ratios = all.map(({ cpuUs }, i) => cpuUs / (atOnce[i] as Played).cpuUs);
    const of = (read: (one: Played) => number): number => medianOf(all.map(read));
    console.log(
      `| ${rate} | ${name} | ${of((one) => one.cpuUs).toFixed(3)} | ${medianOf(ratios).toFixed(2)} ` +
        `(${Math.min(...ratios).toFixed(2)}..${Math.max(...ratios).toFixed(2)}) | ` +
        `${of((one) => one.staleP50).toFixed(1)}, ${of((one) => one.staleP99).toFixed(1)} ms | ${of((one) => one.perSecond).toFixed(0)} |`,
    );
  }
}
signalChild(relay.process, 'SIGKILL');
process.exit(0);

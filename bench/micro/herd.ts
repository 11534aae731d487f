// `npm run bench:herd`: how a herd on one topic affects other topics. Thousands of fanwire.v1 sockets join one topic
// within a second and start with its last 100 messages, while another topic carries 1,000 messages a second. Measured
// are that topic's latency without a herd, with a herd that only joins, and with one that also rewinds, in turns; and
// the relay's memory.
//
// The herd runs in its own process (this file with an argument), at a priority so low that it runs only when its core
// is idle: it reads at its own pace and disturbs the measuring process as little as possible. Half a million messages
// arriving on that process's core can still delay its writes; so how late it writes is measured separately and is not
// part of a message's latency.
import { execFileSync, fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Deque } from '../../src/base/deque.js';
import { quantile } from '../compare/interval.js';
import { ByteSockets, binaryFrame, clientFrame } from '../load/byte-sockets.js';
import { medianOf } from '../measure/median.js';
import { pinIfPossible } from '../measure/pinning.js';
import { residentMemory } from '../measure/resident-memory.js';
import { signalChild } from '../system/signal-child.js';
import { startRelay } from './server-process.js';

const SOCKETS = Number(process.env.SOCKETS ?? 5000);
const REWIND = Number(process.env.REWIND ?? 100);
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const RATE_PER_S = 1000;
const JOIN_WITHIN_MS = 1000;
/** Length of a turn without a herd. */
const ALONE_MS = 2000;
const KEPT_BYTES = 256;
const TOPIC = 'herd';
const TEXT_FRAME = 0x81;
const LOWEST = 19;

/** What a herd does in a turn; undefined: no herd. */
type Turn = { readonly rewind: number } | undefined;

const opFrame = (op: object): Buffer => clientFrame(TEXT_FRAME, Buffer.from(JSON.stringify(op)));

/** With Linux's SCHED_IDLE, this process gives way at once. Without `chrt`, it only has the lowest priority, and gives
 *  way after its time slice. */
function yieldToOthers(): void {
  setPriority(0, LOWEST);
  try {
    execFileSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)], { stdio: 'ignore' });
  } catch {
    // `chrt` is missing or not allowed here.
  }
}

/** The herd's process: opens its sockets, and joins and leaves on command. */
async function herd(url: string): Promise<void> {
  yieldToOthers();
  const sockets = new ByteSockets();
  await sockets.open(url, SOCKETS, 'Sec-WebSocket-Protocol: fanwire.v1\r\n');
  process.on('message', async ({ rewind }: { rewind: number }) => {
    const sub = opFrame({ op: 'sub', topic: TOPIC, rewind });
    const startedAt = performance.now();
    const before = sockets.received;
    for (let joined = 0; joined < SOCKETS; await sleep(1)) {
      const due = Math.min(SOCKETS, Math.ceil(((performance.now() - startedAt) / JOIN_WITHIN_MS) * SOCKETS));
      while (joined < due) sockets.sockets[joined++]?.write(sub);
    }
    const wanted = before + SOCKETS * rewind * KEPT_BYTES;
    for (let had = -1; sockets.received < wanted || had !== sockets.received; await sleep(100)) had = sockets.received;
    const ms = performance.now() - startedAt - 100;
    process.send?.({ ms, bytes: sockets.received - before });
    const unsub = opFrame({ op: 'unsub', topic: TOPIC });
    for (const socket of sockets.sockets) socket.write(unsub);
  });
  process.send?.('open');
}

async function measure(): Promise<void> {
  const relay = await startRelay(['--history', `${TOPIC}=${REWIND},10m,16m`]);
  const pid = relay.process.pid as number;
  const url = `ws://127.0.0.1:${relay.port}`;
  const child = fork(fileURLToPath(import.meta.url), [url]);
  const said = <T>(): Promise<T> => new Promise((resolve) => child.once('message', (what) => resolve(what as T)));
  try {
    const open = said<'open'>();
    pinIfPossible(process.pid, 1);
    pinIfPossible(child.pid as number, 1);
    const keeper = new ByteSockets();
    await keeper.open(`${url}/${TOPIC}`, 1);
    for (let n = 0; n < REWIND; n++) keeper.sockets[0]?.write(binaryFrame(KEPT_BYTES).frame);
    await open;
    const live = await LiveTopic.open(`${url}/live`);
    const emptyBytes = residentMemory(pid).rssBytes;
    const turns: Record<string, Turn> = {
      'no herd': undefined,
      'a herd joins': { rewind: 0 },
      [`it begins with ${REWIND}`]: { rewind: REWIND },
    };
    const seen = new Map<string, { p50: number[]; p99: number[]; late: number[]; ms: number[] }>();
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, turn] of Object.entries(turns)) {
        const measured = live.measure();
        let ms = ALONE_MS;
        if (turn === undefined) await sleep(ALONE_MS);
        else {
          child.send(turn);
          ({ ms } = await said<{ ms: number }>());
        }
        const { latencies, lateness } = measured();
        await sleep(500); // time for the herd to leave
        if (round === 0) continue; // this round is the warm-up
        const of = seen.get(name) ?? { p50: [], p99: [], late: [], ms: [] };
        seen.set(name, of);
        of.p50.push(quantile(latencies, 0.5));
        of.p99.push(quantile(latencies, 0.99));
        of.late.push(quantile(lateness, 0.99));
        of.ms.push(ms);
      }
    }
    console.log(`${SOCKETS} sockets, ${ROUNDS} rounds, live topic at ${RATE_PER_S}/s; ms, medians (spread)\n`);
    console.log('| | p50 | p99 | p99 against a herd that joins | the meter’s own p99 | done after |');
    console.log('|---|---:|---:|---:|---:|---:|');
    const joins = seen.get('a herd joins')?.p99 ?? [];
    const spread = (values: number[]): string =>
      `${medianOf(values).toFixed(2)} (${Math.min(...values).toFixed(2)}..${Math.max(...values).toFixed(2)})`;
    for (const [name, { p50, p99, late, ms }] of seen) {
      const ratios = p99.map((value, round) => value / (joins[round] as number));
      const columns = [p50, p99, ratios, late].map(spread).join(' | ');
      console.log(`| ${name} | ${columns} | ${medianOf(ms).toFixed(0)} |`);
    }
    const { rssBytes, peakBytes } = residentMemory(pid);
    const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    console.log(`\nrelay: ${mib(emptyBytes)} with all sockets open, ${mib(peakBytes)} at most, ${mib(rssBytes)} after`);
    live.stop();
  } finally {
    signalChild(child, 'SIGKILL');
    signalChild(relay.process, 'SIGKILL');
  }
}

/** A topic with one publisher at a steady rate and one subscriber. Measures how long each message takes after it is
 *  written, and how late it was written by the schedule. */
class LiveTopic {
  private latencies: number[] = [];
  private lateness: number[] = [];
  private readonly writtenAt = new Deque<number>();
  private sent = 0;
  private arrived = 0;
  private readonly startedAt = performance.now();
  private readonly message = binaryFrame(64);
  private readonly timer: NodeJS.Timeout;

  static async open(url: string): Promise<LiveTopic> {
    const [publisher, subscriber] = [new ByteSockets(), new ByteSockets()];
    await publisher.open(url, 1);
    await subscriber.open(url, 1);
    return new LiveTopic(publisher, subscriber);
  }

  private constructor(publisher: ByteSockets, subscriber: ByteSockets) {
    this.timer = setInterval(() => {
      for (let now = performance.now(); this.dueMs(this.sent) <= now; now = performance.now()) {
        this.lateness.push(now - this.dueMs(this.sent++));
        this.writtenAt.push(now);
        publisher.sockets[0]?.write(this.message.frame);
      }
    }, 1);
    subscriber.onReceive = () => {
      const now = performance.now();
      for (; subscriber.received >= (this.arrived + 1) * this.message.receivedBytes; this.arrived++) {
        this.latencies.push(now - (this.writtenAt.shift() as number));
      }
    };
  }

  /** Starts measuring. The returned function gives the latency of each message and the lateness of each write since
   *  then, both in ascending order. */
  measure(): () => { latencies: readonly number[]; lateness: readonly number[] } {
    this.latencies = [];
    this.lateness = [];
    const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
    return () => ({ latencies: sorted(this.latencies), lateness: sorted(this.lateness) });
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private dueMs(message: number): number {
    return this.startedAt + (1000 * message) / RATE_PER_S;
  }
}

const [, , url] = process.argv;
if (url === undefined) {
  await measure();
  process.exit(0);
}
await herd(url);

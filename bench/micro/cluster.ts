// `npm run bench:cluster`: how much more latency and CPU a message costs when it goes to another worker or another
// node.
//
// One publisher sends one message every other millisecond to one subscriber: on the same worker, on another worker,
// and on another node (through a real nats-server). All times come from this process's clock. After that, bursts show
// the CPU that a message costs each node.
import { setTimeout as sleep } from 'node:timers/promises';
import { ByteSockets, binaryFrame } from '../load/byte-sockets.js';
import { processCpuSeconds } from '../measure/cpu-time.js';
import { medianOf } from '../measure/median.js';
import { residentMemory } from '../measure/resident-memory.js';
import { signalChild } from '../system/signal-child.js';
import { startBroker } from '../targets/broker.js';
import { type Server, startRelay } from './server-process.js';

const MESSAGES = Number(process.env.MESSAGES ?? 3000);
const BURSTS = Number(process.env.BURSTS ?? 1500);
const TOPICS = Number(process.env.TOPICS ?? 4000);
const BURST = 64;
const EVERY_MS = 2;
const BYTES = 64;
const { frame, receivedBytes } = binaryFrame(BYTES);

const broker = await startBroker([]);
const servers: Server[] = [];
const opened: ByteSockets[] = [];

async function relay(...flags: string[]): Promise<Server> {
  const server = await startRelay(flags, 'any core');
  servers.push(server);
  return server;
}

async function sockets(server: Server, topic: string, count = 1): Promise<ByteSockets> {
  const found = new ByteSockets();
  opened.push(found);
  await found.open(`ws://127.0.0.1:${server.port}/${topic}`, count);
  return found;
}

/** Milliseconds from each publish to its arrival. */
async function latencies(publisher: ByteSockets, subscriber: ByteSockets): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < MESSAGES; i++) {
    const due = subscriber.received + receivedBytes;
    const arrived = new Promise<void>((resolve) => {
      subscriber.onReceive = () => {
        if (subscriber.received >= due) resolve();
      };
    });
    const sentAt = performance.now();
    publisher.sockets[0]?.write(frame);
    await arrived;
    times.push(performance.now() - sentAt);
    await sleep(EVERY_MS);
  }
  return times;
}

function line(path: string, times: number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] as number).toFixed(3);
  return `| ${path} | ${at(0.5)} | ${at(0.99)} |`;
}

/** CPU microseconds that a message costs each of `watched`, published in bursts with one subscriber. */
async function cpuOf(publisher: ByteSockets, subscriber: ByteSockets, watched: readonly number[]): Promise<number[]> {
  const before = watched.map(processCpuSeconds);
  const burst = Buffer.concat(Array.from({ length: BURST }, () => frame));
  for (let i = 0; i < BURSTS; i++) {
    const due = subscriber.received + BURST * receivedBytes;
    publisher.sockets[0]?.write(burst);
    while (subscriber.received < due) await sleep(1);
  }
  return watched.map((pid, i) => ((processCpuSeconds(pid) - (before[i] as number)) / (BURSTS * BURST)) * 1e6);
}

/** Resident KiB that each process needs for `TOPICS` sockets, each on its own topic. */
async function memoryOf(server: Server, watched: readonly number[]): Promise<number[]> {
  const before = watched.map(residentKib);
  const found = new ByteSockets();
  opened.push(found);
  for (let i = 0; i < TOPICS; i++) await found.open(`ws://127.0.0.1:${server.port}/memory-${i}`, 1);
  await sleep(1000);
  return watched.map((pid, i) => (residentKib(pid) - (before[i] as number)) / TOPICS);
}

const residentKib = (pid: number): number => residentMemory(pid).rssBytes / 1024;

/** Waits until a message from `publisher` reaches `subscriber`: other nodes learn of a subscription a moment later. */
async function joined(publisher: ByteSockets, subscriber: ByteSockets): Promise<void> {
  while (subscriber.received === 0) {
    publisher.sockets[0]?.write(frame);
    await sleep(20);
  }
  await sleep(200);
}

try {
  const alone = await relay();
  const workers = await relay('--workers', '2');
  const here = await relay('--cluster', broker.url);
  const there = await relay('--cluster', broker.url);
  const pid = (server: Server): number => server.process.pid as number;

  const direct = [await sockets(alone, 'direct'), await sockets(alone, 'direct')] as const;
  const far = [await sockets(here, 'far'), await sockets(there, 'far')] as const;
  await joined(...far);
  // The kernel decides which worker a socket is on. The slowest of eight subscribers is on the other worker, except
  // in 1 of 256 cases.
  const crossing: number[][] = [];
  const publisher = await sockets(workers, 'crossing');
  for (let i = 0; i < 8; i++) crossing.push(await latencies(publisher, await sockets(workers, 'crossing')));
  const other = crossing.sort((a, b) => medianOf(a) - medianOf(b)).at(-1) as number[];

  console.log(`Publish to arrival, ms; ${MESSAGES} messages of ${BYTES} B, one at a time\n`);
  console.log('| path | p50 | p99 |\n| --- | ---: | ---: |');
  console.log(line('same worker', await latencies(...direct)));
  console.log(line('another worker', other));
  console.log(line('another node (NATS)', await latencies(...far)));

  console.log(`\nCPU µs a message, in bursts of ${BURST}, one subscriber\n`);
  console.log('| | publishing node | receiving node | nats-server |\n| --- | ---: | ---: | ---: |');
  const [only] = await cpuOf(...direct, [pid(alone)]);
  console.log(`| one node | ${only?.toFixed(2)} | | |`);
  const parts = await cpuOf(...far, [pid(here), pid(there), broker.pid]);
  console.log(`| two nodes | ${parts.map((us) => us.toFixed(2)).join(' | ')} |`);

  console.log(`\nResident KiB a socket on a topic of its own, over ${TOPICS} sockets\n`);
  console.log('| | node | nats-server |\n| --- | ---: | ---: |');
  const [single] = await memoryOf(alone, [pid(alone)]);
  console.log(`| one node | ${single?.toFixed(2)} | |`);
  const clustered = await memoryOf(here, [pid(here), broker.pid]);
  console.log(`| in a cluster | ${clustered.map((kib) => kib.toFixed(2)).join(' | ')} |`);
} finally {
  for (const each of opened) each.close();
  for (const { process: child } of servers) signalChild(child, 'SIGKILL');
  await broker.stop();
}

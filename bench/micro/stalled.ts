// `npm run bench:stalled`: what subscribers of a `latest` topic cost while they do not read, and what remains after
// they resume: closes, resident memory, and whether each one has the newest state.
import { setTimeout as sleep } from 'node:timers/promises';
import { ByteSockets, clientFrame } from '../load/byte-sockets.js';
import { pinIfPossible } from '../measure/pinning.js';
import { residentMemory } from '../measure/resident-memory.js';
import { signalChild } from '../system/signal-child.js';
import { startRelay } from './server-process.js';

const BINARY_FRAME = 0x82;
const MARK = 0x7e;
const WINDOW_MS = 50;
const PATIENCE_MS = 60_000;
const subscribers = Number(process.env.SUBSCRIBERS ?? 5000);
const stalled = Number(process.env.STALLED ?? 1000);
const bytes = Number(process.env.BYTES ?? 32 * 1024);
const stallMs = Number(process.env.STALL_MS ?? 10_000);

pinIfPossible(process.pid, 1);
// The sockets here do not answer pings, so the idle timeout must be long.
const relay = await startRelay(['--deliver', `state=${WINDOW_MS}ms,latest`, '--idle-timeout', '900']);
const url = `ws://127.0.0.1:${relay.port}/state`;
const reading = new ByteSockets(MARK);
const stalling = new ByteSockets(MARK);
const publisher = new ByteSockets();

async function counted(metric: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${relay.adminPort}/metrics`)).text();
  return Number(new RegExp(`^${metric}(?:{[^}]*})? (\\S+)$`, 'm').exec(text)?.[1]);
}

function publish(state: number): void {
  publisher.sockets[0]?.write(clientFrame(BINARY_FRAME, Buffer.alloc(bytes, state)));
}

/** Publishes one state per window until `isOver` returns true. */
async function publishUntil(isOver: () => boolean | Promise<boolean>): Promise<void> {
  for (const fromMs = performance.now(); !(await isOver()); await sleep(WINDOW_MS)) {
    if (performance.now() - fromMs > PATIENCE_MS) throw new Error('it does not come to pass');
    publish(0x61);
  }
}

function after(ms: number): () => boolean {
  const endMs = performance.now() + ms;
  return () => performance.now() >= endMs;
}

async function tell(when: string): Promise<void> {
  const { rssBytes, peakBytes } = residentMemory(relay.process.pid as number);
  const mb = (size: number): string => (size / 1e6).toFixed(0);
  const closed = await counted('fanwire_connections_closed_total');
  console.log(`| ${when} | ${mb(rssBytes)} MB | ${mb(peakBytes)} MB | ${closed} |`);
}

try {
  await reading.open(url, subscribers - stalled);
  await stalling.open(url, stalled);
  await publisher.open(`ws://127.0.0.1:${relay.port}/state`, 1);
  console.log(`${subscribers} subscribers, ${stalled} of them stall, a state of ${bytes} B every ${WINDOW_MS} ms\n`);
  console.log('| | resident | most so far | closed |\n|---|---:|---:|---:|');
  await tell('all are open');
  await publishUntil(after(2000));
  await tell('all read');
  for (const socket of stalling.sockets) socket.pause();
  await publishUntil(async () => (await counted('fanwire_stalled_total')) >= stalled);
  await tell(`${stalled} are stalled`);
  await publishUntil(after(stallMs));
  await tell(`${stallMs / 1000} s later`);
  publish(MARK);
  await sleep(4 * WINDOW_MS);
  for (const socket of stalling.sockets) socket.resume();
  const due = stalled * bytes;
  for (const fromMs = performance.now(); stalling.received < due; await sleep(20)) {
    if (performance.now() - fromMs > PATIENCE_MS)
      throw new Error(`${stalling.received} of ${due} have the newest state`);
  }
  await tell('all have the newest state');
  await publishUntil(after(5000));
  await tell('5 s later');
  stalling.close();
  await sleep(1000);
  await tell('they are closed');
} finally {
  signalChild(relay.process, 'SIGKILL');
}
process.exit(0);

// `npm run bench:enveloped`: what fanwire.v1 costs compared with raw mode, on one relay, interleaved (ABBA), as
// ratios over pairs.
//
// The same relay serves several topics: one with raw sockets only, the others with as many enveloped ones. The driver
// publishes the same payload to one of them at a time. Enveloped subscribers receive more bytes per message (the
// envelope). "kept" has a history; "batched" sockets receive several messages in one frame; "limit" is raw mode
// served by the bare epoll loop in bench/peers, if there is a C++ compiler. Each payload contains one byte that
// occurs nowhere else, and arrivals are counted by it. An argument such as `batched,limit` selects what to play.
import { ByteSockets, clientFrame } from '../load/byte-sockets.js';
import { type Capacity, closedLoop } from '../load/closed-loop.js';
import { pinIfPossible } from '../measure/pinning.js';
import { peerNamed } from '../peers/registry.js';
import { startPeer } from '../peers/start.js';
import { signalChild } from '../system/signal-child.js';
import { comparedCells } from './pairs.js';
import { startRelay } from './server-process.js';

const FAN_OUT = 500;
const PAYLOAD_BYTES = 64;
const TEXT_FRAME = 0x81;
const MARK = '~';
const PAYLOAD = MARK + 'a'.repeat(PAYLOAD_BYTES - 1);
/** A kept topic starts at this number, so that all its numbers have six digits and every message has the same length.
 *  */
const FIRST_SEQ = 100_000;
const pairs = Number(process.env.PAIRS ?? 10);
const durationMs = Number(process.env.TURN_MS ?? 400);

interface MeasuredSide {
  readonly name: string;
  readonly sockets: ByteSockets;
  readonly frame: Buffer;
  readonly pid: number;
  stop?(): Promise<unknown>;
}

const relay = await startRelay(['--max-backpressure', '64m', '--history', 'kept=1000,10m,1m']);
const relayUrl = `ws://127.0.0.1:${relay.port}`;
const relayPid = relay.process.pid as number;

function opFrame(op: object): Buffer {
  return clientFrame(TEXT_FRAME, Buffer.from(JSON.stringify(op)));
}

/** Resolves when nothing has arrived for a moment, so that earlier messages are not counted in the next measurement. */
async function quiet(sockets: ByteSockets): Promise<void> {
  for (let before = -1; before !== sockets.received; ) {
    before = sockets.received;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function opened(url: string, headers = ''): Promise<ByteSockets> {
  const sockets = new ByteSockets(MARK.charCodeAt(0));
  await sockets.open(url, FAN_OUT + 1, headers);
  return sockets;
}

async function rawSide(name: string, url: string, pid: number): Promise<MeasuredSide> {
  return { name, sockets: await opened(`${url}/raw`), frame: clientFrame(TEXT_FRAME, Buffer.from(PAYLOAD)), pid };
}

async function limitSide(): Promise<MeasuredSide | undefined> {
  const peer = peerNamed('limit');
  if (!peer.find().present) return undefined;
  const { urls, pids, stop } = await startPeer(peer, [0]);
  return { ...(await rawSide('limit', urls[0] as string, pids[0] as number)), stop };
}

async function envelopedSide(topic: string, firstSeq: number, protocols = 'fanwire.v1'): Promise<MeasuredSide> {
  const sockets = await opened(relayUrl, `Sec-WebSocket-Protocol: ${protocols}\r\n`);
  const frame = opFrame({ op: 'pub', topic, data: PAYLOAD });
  for (let n = 1; n < firstSeq; n++) sockets.sockets[0]?.write(frame);
  for (const socket of sockets.sockets) socket.write(opFrame({ op: 'sub', topic }));
  await quiet(sockets);
  return { name: topic, sockets, frame, pid: relayPid };
}

const SIDES: Readonly<Record<string, { windows: readonly number[]; open(): Promise<MeasuredSide | undefined> }>> = {
  plain: { windows: [1, 8, 64], open: () => envelopedSide('plain', 0) },
  kept: { windows: [1, 8, 64], open: () => envelopedSide('kept', FIRST_SEQ) },
  batched: { windows: [1, 8, 64, 256], open: () => envelopedSide('batched', 0, 'fanwire.v1, fanwire.batch') },
  limit: { windows: [64, 256], open: limitSide },
};

async function turn({ sockets, frame, pid }: MeasuredSide, window: number): Promise<Capacity> {
  const loop = { fanOut: FAN_OUT, payloadBytes: PAYLOAD_BYTES, message: { frame, receivedBytes: 1 }, window };
  await closedLoop(sockets, [], { ...loop, durationMs: durationMs / 4 });
  return closedLoop(sockets, [pid], { ...loop, durationMs });
}

pinIfPossible(process.pid, 1);
const names = process.argv[2]?.split(',') ?? Object.keys(SIDES);
try {
  const raw = await rawSide('raw', relayUrl, relayPid);
  console.log(
    '| against raw | window | raw M/s | M/s | ratio (spread) | raw ns CPU | ns CPU | CPU ratio (95 %) |\n' +
      '|---|---:|---:|---:|---:|---:|---:|---:|',
  );
  for (const name of names) {
    const side = await SIDES[name]?.open();
    if (side === undefined) continue;
    for (const window of SIDES[name]?.windows ?? []) {
      const ours: Capacity[] = [];
      const theirs: Capacity[] = [];
      for (let pair = 0; pair <= pairs; pair++) {
        const early = pair % 2 === 0 ? await turn(side, window) : undefined;
        const ofRaw = await turn(raw, window);
        const own = early ?? (await turn(side, window));
        if (pair === 0) continue; // this pair is the warm-up
        ours.push(own);
        theirs.push(ofRaw);
      }
      console.log(`| ${name} | ${window} | ${comparedCells(ours, theirs)} |`);
    }
    side.sockets.close();
    await side.stop?.();
  }
} finally {
  signalChild(relay.process, 'SIGKILL');
}
process.exit(0);

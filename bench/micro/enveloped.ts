// `npm run bench:enveloped`: what fanwire.v1 costs beside raw mode, on one relay, interleaved (ABBA), as ratios over
// pairs.
//
// The same relay serves two topics: one with raw sockets only, one with as many enveloped ones. The driver publishes
// the same payload to either in turn. Enveloped subscribers receive more bytes a message (the envelope), and history is
// off; a third topic has history on, for what that adds.
import { ByteSockets, clientFrame, type Published, serverFrameBytes } from '../load/byte-sockets.js';
import { type Capacity, closedLoop } from '../load/closed-loop.js';
import { medianOf } from '../measure/median.js';
import { pinIfPossible } from '../measure/pinning.js';
import { signalChild } from '../run/signal-child.js';
import { startRelay } from './server-process.js';

const FAN_OUT = 500;
const PAYLOAD_BYTES = 64;
const TEXT_FRAME = 0x81;
/** A kept topic starts here, so that its numbers have six digits throughout and every message has the same length. */
const FIRST_SEQ = 100_000;
const pairs = Number(process.env.PAIRS ?? 10);
const durationMs = Number(process.env.TURN_MS ?? 400);

interface Side {
  readonly name: string;
  readonly sockets: ByteSockets;
  readonly message: Published;
}

const relay = await startRelay(['--max-backpressure', '64m', '--history', 'kept=1000,10m,1m']);
const url = `ws://127.0.0.1:${relay.port}`;

function opFrame(op: object): Buffer {
  return clientFrame(TEXT_FRAME, Buffer.from(JSON.stringify(op)));
}

/** Resolves once nothing has arrived for a moment: answers to `sub` are of no interest here. */
async function quiet(sockets: ByteSockets): Promise<void> {
  for (let before = -1; before !== sockets.received; ) {
    before = sockets.received;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function rawSide(): Promise<Side> {
  const sockets = new ByteSockets();
  await sockets.open(`${url}/raw`, FAN_OUT + 1);
  const payload = Buffer.alloc(PAYLOAD_BYTES, 'a');
  const message = { frame: clientFrame(TEXT_FRAME, payload), receivedBytes: serverFrameBytes(PAYLOAD_BYTES) };
  return { name: 'raw', sockets, message };
}

async function envelopedSide(topic: string, firstSeq: number): Promise<Side> {
  const sockets = new ByteSockets();
  await sockets.open(url, FAN_OUT + 1, 'Sec-WebSocket-Protocol: fanwire.v1\r\n');
  const data = 'a'.repeat(PAYLOAD_BYTES);
  const frame = opFrame({ op: 'pub', topic, data });
  for (let n = 1; n < firstSeq; n++) sockets.sockets[0]?.write(frame);
  for (const socket of sockets.sockets) socket.write(opFrame({ op: 'sub', topic }));
  await quiet(sockets);
  const seq = firstSeq === 0 ? {} : { seq: firstSeq };
  const received = JSON.stringify({ op: 'msg', topic, data, ...seq });
  return {
    name: `enveloped, topic "${topic}"`,
    sockets,
    message: { frame, receivedBytes: serverFrameBytes(received.length) },
  };
}

function turn({ sockets, message }: Side, window: number): Promise<Capacity> {
  const pids = [relay.process.pid as number];
  return closedLoop(sockets, pids, { fanOut: FAN_OUT, payloadBytes: PAYLOAD_BYTES, message, window, durationMs });
}

pinIfPossible(process.pid, 1);
try {
  const raw = await rawSide();
  console.log('| against raw | window | raw M/s | enveloped M/s | ratio (spread) | raw ns CPU | enveloped ns CPU |');
  console.log('|---|---:|---:|---:|---:|---:|---:|');
  for (const side of [await envelopedSide('plain', 0), await envelopedSide('kept', FIRST_SEQ)]) {
    for (const window of [1, 8, 64]) {
      const samples: { ours: Capacity; raw: Capacity }[] = [];
      for (let pair = 0; pair <= pairs; pair++) {
        const early = pair % 2 === 0 ? await turn(side, window) : undefined;
        const ofRaw = await turn(raw, window);
        const sample = { ours: early ?? (await turn(side, window)), raw: ofRaw };
        if (pair > 0) samples.push(sample); // the first pair warms up
      }
      const ratios = samples.map(({ ours, raw }) => ours.deliveriesPerSecond / raw.deliveriesPerSecond);
      const rate = (of: 'ours' | 'raw'): string =>
        (medianOf(samples.map((s) => s[of].deliveriesPerSecond)) / 1e6).toFixed(3);
      const cpu = (of: 'ours' | 'raw'): string => medianOf(samples.map((s) => s[of].cpuPerMillion * 1000)).toFixed(0);
      console.log(
        `| ${side.name} | ${window} | ${rate('raw')} | ${rate('ours')} | **${medianOf(ratios).toFixed(2)}** ` +
          `(${Math.min(...ratios).toFixed(2)}..${Math.max(...ratios).toFixed(2)}) | ${cpu('raw')} | ${cpu('ours')} |`,
      );
    }
    side.sockets.close();
  }
} finally {
  signalChild(relay.process, 'SIGKILL');
}
process.exit(0);

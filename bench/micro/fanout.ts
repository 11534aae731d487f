// `npm run bench:fanout`: the relay's fan-out against ws.publish in the handler, interleaved in one run, as ratios.
//
// Both servers run all the time on one core, with the same sockets open; the driver is on another and takes turns between
// them (ABBA), so that the machine's drift hits both. One publisher keeps `window` messages in flight: a burst goes out in
// one write, the next when every subscriber has all of it. Deliveries a second are the driver's, CPU a delivery the server's.
import { fileURLToPath } from 'node:url';
import { ByteSockets } from '../byte-sockets.js';
import { type Capacity, closedLoop } from '../closed-loop.js';
import { median, pin, type Server, startServer } from './server-process.js';

interface Case {
  readonly fanOut: number;
  readonly bytes: number;
  readonly window: number;
}

const pairs = Number(process.env.PAIRS ?? 6);
const turnMs = Number(process.env.TURN_MS ?? 400);

const bursts: Case[] = [64, 256].map((window) => ({ fanOut: 500, bytes: 64, window }));
const grid: Case[] = [2, 100, 500, 5000].flatMap((fanOut) =>
  [64, 1024, 20_000].flatMap((bytes) => [1, 8].map((window) => ({ fanOut, bytes, window }))),
);

const urlOf = ({ port }: Server): string => `ws://127.0.0.1:${port}/bench`;

function turn(sockets: ByteSockets, server: Server, { fanOut, bytes, window }: Case): Promise<Capacity> {
  const pids = [server.process.pid as number];
  return closedLoop(sockets, pids, { fanOut, payloadBytes: bytes, window, durationMs: turnMs });
}

function line(what: Case, ours: Capacity[], plain: Capacity[]): string {
  const rates = ours.map((sample, i) => sample.deliveriesPerSecond / (plain[i] as Capacity).deliveriesPerSecond);
  const spread = `${Math.min(...rates).toFixed(2)}..${Math.max(...rates).toFixed(2)}`;
  const cpu = (samples: Capacity[]): number => median(samples.map((sample) => sample.cpuPerMillion * 1000));
  const rate = (samples: Capacity[]): string => (median(samples.map((s) => s.deliveriesPerSecond)) / 1e6).toFixed(3);
  return (
    `| ${what.fanOut} | ${what.bytes} B | ${what.window} | ${rate(plain)} | ${rate(ours)} | ` +
    `**${median(rates).toFixed(2)}** (${spread}) | ${cpu(plain).toFixed(0)} | ${cpu(ours).toFixed(0)} | ` +
    `${(cpu(plain) / cpu(ours)).toFixed(2)} |`
  );
}

async function measure(cases: Case[], ours: Server, plain: Server): Promise<void> {
  for (const fanOut of new Set(cases.map((one) => one.fanOut))) {
    const ofOurs = new ByteSockets();
    const ofPlain = new ByteSockets();
    // The publisher is a subscriber too, and is left out.
    await ofOurs.open(urlOf(ours), fanOut + 1);
    await ofPlain.open(urlOf(plain), fanOut + 1);
    for (const one of cases.filter((other) => other.fanOut === fanOut)) {
      const samples = { ours: [] as Capacity[], plain: [] as Capacity[] };
      await turn(ofOurs, ours, one);
      await turn(ofPlain, plain, one);
      for (let pair = 0; pair < pairs; pair++) {
        const first = pair % 2 === 0;
        if (first) samples.ours.push(await turn(ofOurs, ours, one));
        samples.plain.push(await turn(ofPlain, plain, one));
        if (!first) samples.ours.push(await turn(ofOurs, ours, one));
      }
      console.log(line(one, samples.ours, samples.plain));
    }
    ofOurs.close();
    ofPlain.close();
  }
}

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const plainRelay = fileURLToPath(new URL('./plain-relay.js', import.meta.url));
pin(process.pid, 1);
const servers = [
  await startServer([
    cli,
    'serve',
    '--port',
    '0',
    '--admin-port',
    '0',
    '--log-format',
    'json',
    '--max-backpressure',
    '64m',
  ]),
  await startServer([plainRelay]),
] as const;
try {
  console.log(
    '| fan-out | size | window | plain M/s | fanwire M/s | ratio (spread) | plain ns CPU | fanwire ns CPU | CPU ratio |',
  );
  console.log('|---:|---:|---:|---:|---:|---:|---:|---:|---:|');
  await measure(process.argv[2] === 'bursts' ? bursts : [...bursts, ...grid], ...servers);
} finally {
  for (const server of servers) server.process.kill('SIGKILL');
}
process.exit(0);

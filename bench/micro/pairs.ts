// Measures two servers in turns (ABBA) over the same cases, and prints a table of their ratios. Both servers always
// have the same number of open sockets, so that the machine's drift affects both alike.
import { pseudoMedian } from '../compare/interval.js';
import { ByteSockets } from '../load/byte-sockets.js';
import { type Capacity, closedLoop } from '../load/closed-loop.js';
import { medianOf } from '../measure/median.js';
import type { Server } from './server-process.js';

export interface FanOutCase {
  readonly fanOut: number;
  readonly bytes: number;
  /** Messages in flight. */
  readonly window: number;
}

export interface Contender {
  readonly name: string;
  readonly server: Server;
  /** The topic's path with its query. */
  readonly path: string;
}

const WARM_UP_MS = 500;
const SETTLING = { fanOut: 100, payloadBytes: 64, window: 16, durationMs: 250 };
/** Number of turns of each server (a multiple of four, so that every order occurs equally often) and their length, from
 *  PAIRS and TURN_MS. */
const pairs = Number(process.env.PAIRS ?? 8);
const durationMs = Number(process.env.TURN_MS ?? 300);
/** How long two new servers are loaded, in turns, before they are measured. */
const settleMs = Number(process.env.SETTLE_MS ?? 12_000);

/** What a case took in each pair: `ours[i]` and `theirs[i]` were played one after the other. */
interface Pairs {
  readonly ours: Capacity[];
  readonly theirs: Capacity[];
}

/** Prints a Markdown table: deliveries per second and CPU per delivery of both, and the ratios of `ours` to `theirs`
 *  over the pairs. */
export async function printRatios(cases: readonly FanOutCase[], ours: Contender, theirs: Contender): Promise<void> {
  printHead(ours.name, theirs.name);
  for (const fanOut of new Set(cases.map((one) => one.fanOut))) {
    const ofFanOut = cases.filter((one) => one.fanOut === fanOut);
    const samples = await play(ofFanOut, ours, theirs, pairs);
    for (const [i, one] of ofFanOut.entries()) console.log(row(one, samples[i] as Pairs));
  }
}

/** The same over several starts of both servers, since how its memory happens to lie makes a process up to 5 % dearer
 *  than another of the same program. Each start plays every case in two pairs. */
export async function printRatiosOverStarts(
  cases: readonly FanOutCase[],
  start: () => Promise<{ ours: Contender; theirs: Contender; stop(): void }>,
): Promise<void> {
  const samples = cases.map((): Pairs => ({ ours: [], theirs: [] }));
  for (let played = 0; played < pairs; played += 2) {
    const { ours, theirs, stop } = await start();
    try {
      await settle(ours, theirs);
      if (played === 0) printHead(ours.name, theirs.name);
      for (const fanOut of new Set(cases.map((one) => one.fanOut))) {
        const ofFanOut = cases.filter((one) => one.fanOut === fanOut);
        for (const [i, added] of (await play(ofFanOut, ours, theirs, 2)).entries()) {
          const kept = samples[cases.indexOf(ofFanOut[i] as FanOutCase)] as Pairs;
          kept.ours.push(...added.ours);
          kept.theirs.push(...added.theirs);
        }
      }
    } finally {
      stop();
    }
  }
  for (const [i, one] of cases.entries()) console.log(row(one, samples[i] as Pairs));
}

/** What a process does in its first ten seconds (compile, collect the garbage of its start) was 2 to 4 % of its CPU
 *  there, and is no part of a relay that runs for days. */
async function settle(...contenders: readonly Contender[]): Promise<void> {
  const sockets = await Promise.all(contenders.map((one) => open(one, SETTLING.fanOut)));
  for (let playedMs = 0; playedMs < settleMs; playedMs += SETTLING.durationMs * contenders.length) {
    for (const one of sockets) await closedLoop(one, [], SETTLING);
  }
  for (const one of sockets) one.close();
}

/** Plays cases of one fan-out, each in `count` pairs (even). */
async function play(
  cases: readonly FanOutCase[],
  ours: Contender,
  theirs: Contender,
  count: number,
): Promise<readonly Pairs[]> {
  const samples = cases.map((): Pairs => ({ ours: [], theirs: [] }));
  const fanOut = cases[0]?.fanOut as number;
  // It matters too whose sockets are opened first: of two equal servers with 5,000 sockets, the first cost a tenth
  // more.
  for (const openFirst of [ours, theirs]) {
    const first = await open(openFirst, fanOut);
    const second = await open(openFirst === ours ? theirs : ours, fanOut);
    const [atOurs, atTheirs] = openFirst === ours ? [first, second] : [second, first];
    for (const sockets of [first, second]) await warmUp(sockets, cases[0] as FanOutCase);
    for (const [i, one] of cases.entries()) {
      const kept = samples[i] as Pairs;
      const playOurs = async (): Promise<unknown> => kept.ours.push(await turn(atOurs, ours, one));
      const playTheirs = async (): Promise<unknown> => kept.theirs.push(await turn(atTheirs, theirs, one));
      for (let pair = 0; pair < count / 2; pair++) {
        const oursFirst = (pair % 2 === 0) === (openFirst === ours);
        for (const side of oursFirst ? [playOurs, playTheirs] : [playTheirs, playOurs]) await side();
      }
    }
    first.close();
    second.close();
  }
  return samples;
}

function printHead(ours: string, theirs: string): void {
  const names = `${theirs} M/s | ${ours} M/s | ratio (spread) | ${theirs} ns CPU | ${ours} ns CPU | CPU ratio (95 %)`;
  console.log(`| fan-out | size | window | ${names} |`);
  console.log('|---:|---:|---:|---:|---:|---:|---:|---:|---:|');
}

/** One socket more than `fanOut`: the publisher subscribes too, but is not counted. */
async function open({ server, path }: Contender, fanOut: number): Promise<ByteSockets> {
  const sockets = new ByteSockets();
  await sockets.open(`ws://127.0.0.1:${server.port}/${path}`, fanOut + 1);
  return sockets;
}

/** The first quarter of a turn is not counted: with 5,000 sockets, a server that has paused for a while has lost its
 *  data from the caches, and two equal servers alternated between ratios of 0.80 and 1.26. */
async function turn(
  sockets: ByteSockets,
  { server }: Contender,
  { fanOut, bytes, window }: FanOutCase,
): Promise<Capacity> {
  const loop = { fanOut, payloadBytes: bytes, window };
  await closedLoop(sockets, [], { ...loop, durationMs: durationMs / 4 });
  return closedLoop(sockets, [server.process.pid as number], { ...loop, durationMs });
}

/** V8 compiles the hot path once, and a plain relay has less to compile: in turns of 200 ms without a warm-up, fanwire
 *  took 1.07 of its CPU with 31 messages in flight to 100 subscribers, after a warm-up 1.02. */
async function warmUp(sockets: ByteSockets, { fanOut, bytes, window }: FanOutCase): Promise<void> {
  await closedLoop(sockets, [], { fanOut, payloadBytes: bytes, window, durationMs: WARM_UP_MS });
}

function row(what: FanOutCase, { ours, theirs }: Pairs): string {
  return `| ${what.fanOut} | ${what.bytes} B | ${what.window} | ${comparedCells(ours, theirs)} |`;
}

/** Cells of a Markdown table: both rates and their ratio, both costs and their ratio. The samples are pairs. */
export function comparedCells(ours: readonly Capacity[], theirs: readonly Capacity[]): string {
  const ratios = ours.map((sample, i) => sample.deliveriesPerSecond / (theirs[i] as Capacity).deliveriesPerSecond);
  // In an even number of pairs, each side began half of them, so the geometric mean cancels out the effect of the
  // order.
  const ratio = Math.exp(ratios.reduce((sum, one) => sum + Math.log(one), 0) / ratios.length);
  const spread = `${Math.min(...ratios).toFixed(2)}..${Math.max(...ratios).toFixed(2)}`;
  const cpuLogs = ours.map((sample, i) => Math.log(sample.cpuPerMillion / (theirs[i] as Capacity).cpuPerMillion));
  const cpuRatio = Math.exp(pseudoMedian(cpuLogs) as number).toFixed(3);
  const [low, high] = intervalOfRanks(cpuLogs).map((end) => Math.exp(end).toFixed(3));
  const cpu = (samples: readonly Capacity[]): string =>
    medianOf(samples.map((one) => one.cpuPerMillion * 1000)).toFixed(0);
  const rate = (samples: readonly Capacity[]): string =>
    (medianOf(samples.map((one) => one.deliveriesPerSecond)) / 1e6).toFixed(3);
  return (
    `${rate(theirs)} | ${rate(ours)} | **${ratio.toFixed(2)}** (${spread}) | ` +
    `${cpu(theirs)} | ${cpu(ours)} | **${cpuRatio}** (${low}..${high})`
  );
}

/** 95 % confidence interval of the pseudo median of a symmetric distribution: the means of all pairs of values, without
 *  the outermost (F. Wilcoxon's signed ranks, in the normal approximation). For eight values or more. */
function intervalOfRanks(values: readonly number[]): [low: number, high: number] {
  const count = values.length;
  const means = values.flatMap((value, i) => values.slice(i).map((other) => (value + other) / 2)).sort((a, b) => a - b);
  const outside = (count * (count + 1)) / 4 - 1.96 * Math.sqrt((count * (count + 1) * (2 * count + 1)) / 24);
  const at = Math.max(0, Math.floor(outside));
  return [means[at] as number, means[means.length - 1 - at] as number];
}

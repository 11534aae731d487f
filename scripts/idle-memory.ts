// `npm run idle-memory`: what an idle connection costs the relay in memory, over what the kernel keeps for its socket.
//
// Opens as many connections as asked, over several relays where the open-file limit of one process is lower, and
// compares each relay's resident memory before and after. Kernel socket buffers are not part of a process's RSS.
// Measured twice: as it stands some seconds after the last handshake, and after a full collection on both ends, which
// is what the connections themselves hold. Fails above the bound, for either.
import { spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, Option } from 'commander';
import { SignJWT } from 'jose';
import { needsExplicitSources, SourceAddresses } from '../bench/engines/native/source-address.js';
import { socketsPerProcess } from '../bench/measure/file-limit.js';
import { residentMemory } from '../bench/measure/resident-memory.js';
import { positiveWholeNumber, scriptCommand } from '../bench/run/script-command.js';
import { signalChild } from '../bench/system/signal-child.js';
import { ADMIN_LISTENING, portOf, serveCommand, urlIn } from '../bench/targets/own-relay.js';
import { ServerProcess } from '../bench/targets/server-process.js';
import { Exit } from '../src/base/exit-codes.js';

/** What a connection may cost when it is idle, with 40,000 of them. */
const BOUND_BYTES = 3000;
const SETTLE_MS = 3000;
/** Connections that come and go before the first look: code is compiled, crypto threads have started. */
const WARM_UP = 500;
const HANDSHAKES_IN_FLIGHT = 64;
const SECRET = 'a secret of at least thirty-two bytes';

interface Kind {
  readonly what: string;
  readonly flags: readonly string[];
  readonly path: (index: number) => string;
  readonly headers: string;
}

const TOKEN = await new SignJWT({ fanwire: { sub: ['*'], pub: ['*'] } })
  .setProtectedHeader({ alg: 'HS256' })
  .setSubject('somebody')
  .setExpirationTime('1h')
  .sign(Buffer.from(SECRET));

const KINDS: Record<string, Kind> = {
  raw: { what: 'raw, one topic', flags: [], path: () => '/all', headers: '' },
  topics: { what: 'raw, a topic each', flags: [], path: (index) => `/topic-${index}`, headers: '' },
  v1: {
    what: 'fanwire.v1, nothing subscribed',
    flags: [],
    path: () => '/',
    headers: 'Sec-WebSocket-Protocol: fanwire.v1\r\n',
  },
  secured: {
    what: 'raw, JWT, every limit on',
    flags: [
      ...['--auth', 'jwt', '--jwt-secret', SECRET],
      ...'--max-connections 1000000 --max-connections-per-ip 1000000 --handshake-rate 1000000'.split(' '),
      ...'--max-publish-rate 100 --max-publish-bytes 1m --max-topics 1000'.split(' '),
    ],
    path: () => '/all',
    headers: `Authorization: Bearer ${TOKEN}\r\n`,
  },
};

interface Flags {
  readonly connections: number;
  readonly kinds: readonly string[];
  readonly hold?: Holding;
}

const flags = scriptCommand('idle-memory', 'what an idle connection costs the relay in memory')
  .option(
    '--connections <n>',
    'how many, over several relays where one may not have so many',
    positiveWholeNumber,
    40_000,
  )
  .addOption(
    new Option('--kinds <names>', `any of ${Object.keys(KINDS).join(',')}`)
      .argParser(kindsNamed)
      .default(Object.keys(KINDS), 'all'),
  )
  .addOption(
    new Option('--hold <json>', 'internal: this process opens the connections').argParser(JSON.parse).hideHelp(),
  )
  .parse()
  .opts<Flags>();
if (flags.hold !== undefined) await hold(flags.hold);
else await main(flags.connections, flags.kinds);

function kindsNamed(list: string): string[] {
  const kinds = list.split(',');
  const unknown = kinds.filter((kind) => KINDS[kind] === undefined);
  if (unknown.length === 0) return kinds;
  throw new InvalidArgumentError(`They must be of ${Object.keys(KINDS).join(', ')}, got ${unknown.join(', ')}.`);
}

/** What a holder process opens. */
interface Holding {
  readonly kind: string;
  readonly port: number;
  readonly from: number;
  readonly count: number;
}

/** Opens the connections of `holding`, says so, and keeps them until its stdin ends. */
async function hold({ kind, port, from, count }: Holding): Promise<void> {
  const { path, headers } = KINDS[kind] as Kind;
  const sources = new SourceAddresses(0, 1, [], needsExplicitSources(count, ['127.0.0.1']));
  const open = (index: number): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', ...sources.next() });
    socket.write(
      `GET ${path(index)} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${headers}\r\n`,
    );
    let answer = '';
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.on('data', (bytes) => {
        answer += bytes.toString('latin1');
        if (!answer.includes('\r\n\r\n')) return;
        if (answer.startsWith('HTTP/1.1 101')) resolve(socket.removeAllListeners('data'));
        else reject(new Error(`not upgraded: ${answer}`));
      });
    });
  };
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < from + count) await open(next++);
  };
  await Promise.all(Array.from({ length: HANDSHAKES_IN_FLIGHT }, lane));
  process.stdout.write('held\n');
  process.stdin.on('end', () => process.exit(0)).resume();
}

interface Measured {
  readonly kind: string;
  readonly connections: number;
  readonly relays: number;
  /** Resident bytes a connection as it stands, over an empty relay. */
  readonly asItStands: number;
  /** The same, with the garbage collected on both ends. */
  readonly collected: number;
  /** Resident bytes a connection that the second half added to the first, garbage collected: what the next one will
   *  cost. An empty relay has room left, which the first ones fill. */
  readonly marginal: number;
}

async function main(connections: number, kinds: readonly string[]): Promise<void> {
  const results: Measured[] = [];
  console.log('| connections | relays | kind | RSS a connection, as it stands | collected | of the second half |');
  console.log('|---:|---:|---|---:|---:|---:|');
  for (const kind of kinds) {
    const result = await measure(kind, connections);
    results.push(result);
    const { asItStands, collected, marginal, relays } = result;
    const { what } = KINDS[kind] as Kind;
    console.log(`| ${connections} | ${relays} | ${what} | ${asItStands} B | ${collected} B | ${marginal} B |`);
  }
  console.log(JSON.stringify({ schema: 'fanwire.idle-memory/1', boundBytes: BOUND_BYTES, results }));
  const over = results.filter((r) => Math.max(r.asItStands, r.collected, r.marginal) > BOUND_BYTES);
  if (over.length > 0) {
    console.error(`over ${BOUND_BYTES} bytes a connection: ${over.map(({ kind }) => kind).join(', ')}`);
    process.exit(Exit.failed);
  }
}

async function measure(kind: string, connections: number): Promise<Measured> {
  // A relay keeps some descriptors for itself; so does a holder.
  const perProcess = Math.floor(socketsPerProcess() * 0.95);
  const relays = Math.ceil(connections / perProcess);
  const each = Math.ceil(connections / relays / 2) * 2;
  const servers: ServerProcess[] = [];
  const holders: ReturnType<typeof spawn>[] = [];
  try {
    const total = { asItStands: 0, collected: 0, secondHalf: 0 };
    for (let relay = 0; relay < relays; relay++) {
      const server = new ServerProcess(relayCommand(KINDS[kind] as Kind), {}, []);
      servers.push(server);
      const port = portOf(await server.findInOutput((output) => urlIn(output)));
      await server.findInOutput((output) => urlIn(output, ADMIN_LISTENING));
      signalChild(await startHolder({ kind, port, from: 0, count: WARM_UP }), 'SIGKILL');
      await after(SETTLE_MS / 2);
      const emptyAsItStands = residentMemory(server.pid).rssBytes;
      const empty = await collectedRssBytes(server.pid);
      holders.push(await startHolder({ kind, port, from: relay * each, count: each / 2 }));
      const half = await collectedRssBytes(server.pid);
      holders.push(await startHolder({ kind, port, from: relay * each + each / 2, count: each / 2 }));
      await after(SETTLE_MS);
      total.asItStands += residentMemory(server.pid).rssBytes - emptyAsItStands;
      const full = await collectedRssBytes(server.pid);
      total.collected += full - empty;
      total.secondHalf += full - half;
    }
    const opened = relays * each;
    return {
      kind,
      connections: opened,
      relays,
      asItStands: Math.round(total.asItStands / opened),
      collected: Math.round(total.collected / opened),
      marginal: Math.round(total.secondHalf / (opened / 2)),
    };
  } finally {
    for (const holder of holders) signalChild(holder, 'SIGKILL');
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** A relay that collects its garbage when sent SIGUSR2. */
function relayCommand({ flags }: Kind): string[] {
  const collect =
    "import{setFlagsFromString as f}from'node:v8';import{runInNewContext as r}from'node:vm';" +
    "f('--expose-gc');const gc=r('gc');process.on('SIGUSR2',()=>{gc();gc()});";
  const preload = `--import=data:text/javascript,${encodeURIComponent(collect)}`;
  const [node, ...serve] = serveCommand(flags);
  return [node as string, preload, ...serve];
}

async function startHolder(holding: Holding): Promise<ReturnType<typeof spawn>> {
  const self = fileURLToPath(import.meta.url);
  const holder = spawn(process.execPath, [self, '--hold', JSON.stringify(holding)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve());
    holder.once('exit', (code) => reject(new Error(`a holder of connections ended with ${code}`)));
  });
  return holder;
}

async function collectedRssBytes(pid: number): Promise<number> {
  process.kill(pid, 'SIGUSR2');
  await after(SETTLE_MS / 2); // V8 gives pages back in the background
  return residentMemory(pid).rssBytes;
}

// Finds sockets that keep the loop busy with frames that uWS does not report: empty fragments of a message that never
// ends use a third of a core and call no handler. Three signs point to them: a loop that works without any counted
// events, the kernel's list of sockets with unread bytes, and which socket at such an address answers a ping last,
// since its pong is behind its flood.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../fanout/audience.js';
import type { Counters } from '../watch/counters.js';

const LOOK_EVERY_MS = 500;
/** Share of a core in use from which the counted events must explain it. */
const BUSY_SHARE = 0.12;
/** Events of any kind that explain a millisecond of work: each takes 5 to 50 µs, and several times as long on a busy
 *  machine. */
const EVENTS_A_MS = 0.5;
/** How often the kernel's list is read, and in how many readings a flooding socket must have had unread bytes. */
const SAMPLES = 5;
const SAMPLE_EVERY_MS = 40;
const LOADED_SAMPLES = 2;
/** A closed socket is still read until its client closes it too: meanwhile no other is searched for. */
const FOUND_REST_MS = 3000;
/** At most this many sockets of one address are pinged. If there are more, perhaps behind one proxy, it is only
 *  logged. */
const MAX_CANDIDATES = 1000;
/** After a search that found nothing the next one waits twice as long, since other work may keep the loop busy. */
const FIRST_REST_MS = 250;
const LONGEST_REST_MS = 2000;
const LISTS = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
const ESTABLISHED = '01';
const CHUNK = 1024 * 1024;
/** A list of at most this many sockets is read synchronously, in 2 ms: each step of a read in the background waits
 *  for a turn of the busy loop. */
const SHORT_LIST = 2000;

export interface FloodWatchOptions {
  readonly connections: ReadonlyMap<string, Connection>;
  readonly port: () => number;
  /** How long a pong, or a message of the largest size, may take. */
  readonly patienceMs: number;
  /** Counts all events that were seen. */
  readonly events: () => number;
  /** Closes a socket that floods. */
  readonly found: (connection: Connection) => void;
  /** Some socket at this address floods, but it is not known which. */
  readonly unclear: (address: string, sockets: number) => void;
}

/** The relay's counted work, in events. With TLS a delivery takes about 25 µs on a slow core, and a large one more. */
export function seenEvents(counters: Counters): number {
  const { published, publishedBytes, delivered, deliveredBytes, replayed, opened, closed } = counters;
  return published + publishedBytes / 4096 + (delivered + replayed) / 4 + deliveredBytes / 65536 + opened + closed;
}

export class UnseenFloods {
  private readonly timer: NodeJS.Timeout | undefined;
  private utilization = performance.eventLoopUtilization();
  private cpuMs = threadCpuMs();
  private events = 0;
  /** Result of the last check. */
  private isBusy = false;
  private isLooking = false;
  private restUntilMs = 0;
  private restMs = FIRST_REST_MS;
  /** Sockets that were pinged and have not answered. */
  private readonly pinged = new Map<Connection, number>();
  private readonly latencies = new Map<Connection, number>();
  /** Whom the previous search suspected. */
  private suspectedBefore: ReadonlySet<Connection> = new Set();
  private suspectedNow = new Set<Connection>();

  constructor(private readonly options: FloodWatchOptions) {
    if (process.platform === 'linux') this.timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  /** A pong has come. */
  ponged(connection: Connection): void {
    const sentAtMs = this.pinged.get(connection);
    if (sentAtMs === undefined) return;
    this.pinged.delete(connection);
    this.latencies.set(connection, performance.now() - sentAtMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    this.isBusy = this.isBusyForNothing();
    const { isBusy } = this;
    if (!isBusy) {
      this.restMs = FIRST_REST_MS;
      this.suspectedBefore = new Set();
    }
    if (!isBusy || this.isLooking || performance.now() < this.restUntilMs) return;
    this.isLooking = true;
    this.search()
      .then((wasFound) => {
        this.restUntilMs = performance.now() + (wasFound ? FOUND_REST_MS : this.restMs);
        this.restMs = wasFound ? FIRST_REST_MS : Math.min(2 * this.restMs, LONGEST_REST_MS);
      })
      .catch(() => {}) // the list cannot be read: nothing is known
      .finally(() => {
        this.isLooking = false;
      });
  }

  /** Since the last call. */
  private isBusyForNothing(): boolean {
    const now = performance.eventLoopUtilization();
    const { active, idle } = performance.eventLoopUtilization(now, this.utilization);
    const cpuMs = threadCpuMs();
    // On a machine short of cores the loop counts as active while it waits for a core, but it does no work then.
    const workedMs = Math.min(active, cpuMs - this.cpuMs);
    const events = this.options.events();
    const seen = events - this.events;
    this.utilization = now;
    this.cpuMs = cpuMs;
    this.events = events;
    return workedMs > BUSY_SHARE * (active + idle) && seen < EVENTS_A_MS * workedMs;
  }

  private async search(): Promise<boolean> {
    let wasFound = false;
    this.suspectedNow = new Set();
    for (const [address, loaded] of await this.loadedAddresses()) {
      const candidates = [...this.options.connections.values()].filter(
        ({ ws }) => ws !== undefined && Buffer.from(ws.getRemoteAddress()).toString('hex') === address,
      );
      if (candidates.length === 0) continue;
      if (candidates.length > MAX_CANDIDATES) {
        this.options.unclear((candidates[0] as Connection).remoteAddress, candidates.length);
        continue;
      }
      for (const flooding of await this.floodsAmong(candidates, loaded)) {
        this.options.found(flooding);
        wasFound = true;
      }
    }
    this.suspectedBefore = this.suspectedNow;
    return wasFound;
  }

  /** Addresses (in hex) whose sockets had unread bytes nearly all the time, and how many sockets each has. */
  private async loadedAddresses(): Promise<Map<string, number>> {
    const { connections } = this.options;
    const seen = new Map<string, number>();
    for (let sample = 0; sample < SAMPLES; sample++) {
      for (const remote of await loadedSockets(this.options.port(), connections.size < SHORT_LIST))
        seen.set(remote, (seen.get(remote) ?? 0) + 1);
      await sleep(SAMPLE_EVERY_MS, undefined, { ref: false });
    }
    const addresses = new Map<string, number>();
    for (const [remote, times] of seen) {
      const address = remote.slice(0, remote.indexOf(':'));
      if (times >= LOADED_SAMPLES) addresses.set(address, (addresses.get(address) ?? 0) + 1);
    }
    return addresses;
  }

  /** Waits for the pongs, and longer if few have come, since then all are late. */
  private async answersOf(candidates: readonly Connection[]): Promise<void> {
    const { patienceMs } = this.options;
    await sleep(patienceMs, undefined, { ref: false });
    const isUnusual = (): boolean => this.latencies.size < candidates.length >>> 1;
    for (let turn = 0; turn < 4 && isUnusual(); turn++) await sleep(patienceMs, undefined, { ref: false });
  }

  /** The sockets (at most `count`) that two searches in a row suspect: each time nothing was seen of them, and they
   *  sent no pong. If a socket is the only one of its address, a pong does not clear it: there is nothing to compare
   *  its time with. A late pong proves a socket honest: on a busy machine many are late. One search does not convict:
   *  what keeps the loop busy may be work that is not counted, and the unread bytes those of an HTTP client. */
  private async floodsAmong(candidates: readonly Connection[], count: number): Promise<readonly Connection[]> {
    const before = new Map(candidates.map((connection) => [connection, doneBy(connection)]));
    const sentAtMs = performance.now();
    for (const connection of candidates) {
      this.pinged.set(connection, sentAtMs);
      connection.ws?.ping();
    }
    await this.answersOf(candidates);
    const latencyOf = (connection: Connection): number => this.latencies.get(connection) ?? Number.POSITIVE_INFINITY;
    const open = candidates.filter(({ ws }) => ws !== undefined);
    const late = [...open].sort((one, other) => latencyOf(other) - latencyOf(one));
    // Its own pong may have been counted.
    const isQuiet = (connection: Connection): boolean => doneBy(connection) - (before.get(connection) ?? 0) <= 1;
    const suspects = late.filter(isQuiet).slice(0, count);
    const silent = suspects.filter((connection) => open.length === 1 || !this.latencies.has(connection));
    const floods = silent.filter((connection) => this.suspectedBefore.has(connection));
    for (const connection of candidates) {
      this.pinged.delete(connection);
      this.latencies.delete(connection);
    }
    // Whatever kept the loop busy may have ended meanwhile.
    if (suspects.length === 0 || !this.isBusy) return [];
    for (const connection of silent) this.suspectedNow.add(connection);
    if (floods.length === 0 && silent.length !== 1)
      this.options.unclear((suspects[0] as Connection).remoteAddress, open.length);
    return floods;
  }
}

/** CPU time of the calling thread, in ms: the scheduler's count, or that of all threads where it keeps none. */
function threadCpuMs(): number {
  try {
    const [ranNs] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ');
    return Number(ranNs) / 1e6;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }
}

/** Increases with everything that a socket is seen to do. */
function doneBy({ published, ops }: Connection): number {
  return published + (ops?.paid ?? 0);
}

/** Clients of the port with unread bytes, as `address:port` in hex. Reads a megabyte of the lists per loop turn:
 *  7,000 sockets. */
async function loadedSockets(port: number, isShort: boolean): Promise<string[]> {
  const local = port.toString(16).toUpperCase().padStart(4, '0');
  const loaded = new RegExp(`^ *\\d+: \\w+:${local} (\\w+:\\w+) ${ESTABLISHED} \\w+:(?!0{8})`, 'gm');
  const found: string[] = [];
  for (const path of LISTS) {
    const list = isShort ? readNow(path) : await readFile(path, 'latin1').catch(() => '');
    for (let from = 0; from < list.length; from += CHUNK) {
      // A line that is split between two chunks is skipped: the next reading cuts elsewhere.
      for (const [, remote = ''] of list.slice(from, from + CHUNK).matchAll(loaded)) found.push(networkOrder(remote));
      if (list.length > CHUNK) await sleep(0);
    }
  }
  return found;
}

function readNow(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // no IPv6 here
  }
}

/** The kernel prints addresses as words in the machine's byte order, which is little-endian on all Linux that uWS is
 *  built for. */
function networkOrder(remote: string): string {
  const [address = '', port = ''] = remote.split(':');
  const words = address.match(/.{8}/g) ?? [];
  return `${words
    .map((word) => (word.match(/../g) ?? []).reverse().join(''))
    .join('')
    .toLowerCase()}:${port}`;
}

// When each key was last published, wherever that was. What waited in a window on its way here may be older than what
// has come by another way meanwhile: without this, readers would end with what arrived last, not with what is newest.
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** Keys that are remembered of one topic since the last turn, and of all topics of a worker. */
const MAX_KEYS_OF_TOPIC = 10_000;
const MAX_KEYS = 100_000;

/** The time by which publishes of all threads and nodes are compared. */
export class PublishClock {
  /** How far the clock of another machine was ahead of this one's, as far as is known. */
  private aheadMs = 0;
  /** Keys that are remembered of all topics. */
  keys = 0;

  /** @param machineMs this machine's time: the same in all its threads, and never back */
  constructor(readonly machineMs: () => number = sinceEpoch) {}

  now(): number {
    return this.at(this.machineMs());
  }

  /** A time of this machine, as all machines have it. */
  at(machineMs: number): number {
    return machineMs + this.aheadMs;
  }

  /** A message says that it was published then. From now on nothing here is published before it (as in D. Kulkarni et
   *  al., Logical Physical Clocks, 2014): machines whose clocks differ agree about what came after what. */
  heard(atMs: number): void {
    this.aheadMs += Math.max(0, atMs - this.now());
  }
}

/** The same in all threads of a machine. */
function uptimeMs(): number {
  const [s, ns] = process.hrtime();
  return s * 1000 + ns / 1e6;
}

/** A thread has this from the one that started it: read anew, it would differ where the clock was set meanwhile. */
const BOOTED_AT = 'fanwire: when the machine booted';
const BOOTED_AT_MS = (getEnvironmentData(BOOTED_AT) as number | undefined) ?? Date.now() - uptimeMs();
setEnvironmentData(BOOTED_AT, BOOTED_AT_MS);

/** Milliseconds since 1970, the same in all threads, that go on evenly when the machine's clock is set. */
function sinceEpoch(): number {
  return BOOTED_AT_MS + uptimeMs();
}

/** One topic's last updates, of each key. */
export class LastUpdates {
  private recent = new Map<string, number>();
  private before = new Map<string, number>();
  private turnedAtMs: number;

  /** @param keepMs how long an update is remembered at least: as long as another may wait on its way */
  constructor(
    private readonly clock: PublishClock,
    private readonly keepMs: number,
  ) {
    this.turnedAtMs = clock.now();
  }

  /** Notes an update of `key`. False if a newer one is known: one that was published after `atMs`. */
  note(key: string, atMs: number): boolean {
    if (this.recent.size >= MAX_KEYS_OF_TOPIC || this.clock.now() - this.turnedAtMs > this.keepMs) this.turn();
    const last = this.recent.get(key) ?? this.before.get(key);
    if (last !== undefined && last > atMs) return false;
    const size = this.recent.size;
    // Beyond the bound what arrives last counts as the newest.
    if (this.clock.keys < MAX_KEYS || this.recent.has(key)) this.recent.set(key, atMs);
    this.clock.keys += this.recent.size - size;
    return true;
  }

  /** The topic is gone. */
  end(): void {
    this.turn();
    this.turn();
  }

  private turn(): void {
    this.clock.keys -= this.before.size;
    this.before = this.recent;
    this.recent = new Map();
    this.turnedAtMs = this.clock.now();
  }
}

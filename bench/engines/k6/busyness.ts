// How much of its cores k6 used or waited for. Read from outside by pid, because a k6 script cannot find out.

import { readdirSync, readFileSync } from 'node:fs';
import { ServerLoad } from '../../measure/server-load.js';

/** Longer than any run, so that ServerLoad reads only when asked. */
const NEVER_MS = 2 ** 31 - 1;

export class K6Busyness {
  private readonly load: ServerLoad;
  private from: CpuReading | undefined;
  private to: CpuReading | undefined;
  private last: CpuReading | undefined;
  private seen: CpuReading | undefined;

  constructor(
    private readonly pid: number,
    /** Cores k6 may use. */
    private readonly cores: number,
  ) {
    this.load = new ServerLoad([pid], NEVER_MS);
  }

  /** Call when the measured phase begins. */
  begin(): void {
    this.from = this.read();
  }

  /** Call when the measured phase ends. */
  end(): void {
    this.to = this.read();
  }

  /** Call when a VU has processed all that it received: with a backlog, long after `end`. */
  finished(): void {
    this.last = this.read() ?? this.last;
  }

  /** Share of its cores that k6 used or waited for since the last call; undefined at the first call. */
  sinceLast(): number | undefined {
    const before = this.seen;
    this.seen = this.read();
    if (before === undefined || this.seen === undefined) return undefined;
    const wallS = (this.seen.atMs - before.atMs) / 1000;
    const busyS = this.seen.cpuS - before.cpuS + this.seen.waitS - before.waitS;
    return wallS <= 0 ? undefined : Math.max(0, busyS / wallS / this.cores);
  }

  stop(): void {
    this.load.stop();
  }

  /** CPU seconds from `begin` until the last VU had finished. */
  get cpuS(): number {
    const to = this.last ?? this.to;
    return this.from === undefined || to === undefined ? 0 : Math.max(0, to.cpuS - this.from.cpuS);
  }

  /** Share of its cores that k6 used or waited for during the measured phase: 1 = saturated. */
  get share(): number {
    return this.part(({ cpuS }) => cpuS) + this.waitedShare;
  }

  /** The part of `share` in which k6 waited while other processes used the cores. */
  get waitedShare(): number {
    return this.part(({ waitS }) => waitS);
  }

  private part(seconds: (reading: CpuReading) => number): number {
    if (this.from === undefined || this.to === undefined) return 0;
    // A thread that has ended no longer counts, so a sum can fall.
    const wallS = (this.to.atMs - this.from.atMs) / 1000;
    return Math.max(0, seconds(this.to) - seconds(this.from)) / wallS / this.cores;
  }

  /** undefined once k6 has ended. */
  private read(): CpuReading | undefined {
    const load = this.load.read();
    if (load === undefined) return undefined;
    return { atMs: performance.now(), cpuS: load.cpuS, waitS: waitedS(this.pid) };
  }
}

interface CpuReading {
  readonly atMs: number;
  readonly cpuS: number;
  readonly waitS: number;
}

/** Seconds that threads of `pid` were ready but had no core: field 2 of schedstat (ns). 0 where the kernel does not
 *  report it. */
function waitedS(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const waits = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[1]),
    );
    return waits.reduce((sum, wait) => sum + wait, 0) / 1e9;
  } catch {
    return 0;
  }
}

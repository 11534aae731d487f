// The main thread of a relay with several workers: starts them on one port, links them, restarts those that die, and
// ends them.

import { setTimeout as sleep } from 'node:timers/promises';
import { FanwireError } from '../base/error.js';
import type { Logger } from '../base/log.js';
import type { BusStatus } from '../bus/bus.js';
import { InterestTable } from '../bus/interest-table.js';
import type { ThreadLink } from '../bus/link.js';
import type { Nodes } from '../bus/nodes.js';
import type { RelayConfig } from '../config/schema.js';
import type { Cluster } from '../relay/company.js';
import { SharedLedger } from '../relay/door/ledger.js';
import type { HttpConnections } from '../relay/exit/lingering.js';
import { urlOf } from '../relay/listening.js';
import { claimPort } from './claim-port.js';
import { Hub } from './hub.js';
import { linkPair, ringBytes } from './mesh.js';
import type { AnswerOf, WorkerOps } from './messages.js';
import { WorkerThread } from './thread.js';

const WORKER = new URL('./worker.js', import.meta.url);
/** A worker that dies again within this time is restarted later each time, up to the longest wait. */
const STABLE_MS = 60_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;
/** How long the others may take to link a new worker: a busy one does not hold up its start. */
const LINK_MS = 2000;
/** How long workers may take to end before the process is killed. */
const END_MS = 5000;

interface SupervisorParts {
  readonly cluster?: Cluster | undefined;
  readonly stuck?: (() => void) | undefined;
  readonly entry?: URL;
}

/** Exiting while uWS runs in a thread would abort the process. */
function killProcess(): void {
  process.kill(process.pid, 'SIGKILL');
}

export class Supervisor {
  port = 0;
  /** Workers that died and were started anew. */
  restarts = 0;
  private readonly config: RelayConfig;
  private readonly log: Logger;
  private readonly stuck: () => void;
  private readonly entry: URL;
  private readonly interest: SharedArrayBuffer;
  private readonly ledger: SharedArrayBuffer;
  private readonly ringBytes: number;
  private readonly idPrefix: string;
  private readonly hub: Hub | undefined;
  private readonly nodes: Nodes | undefined;
  private readonly workers: (WorkerThread | undefined)[] = [];
  private launches = 0;
  private ending = false;
  private restarting: Promise<void> = Promise.resolve();

  /**
   * @param cluster what joins this node with others; undefined where it is alone
   * @param stuck what is done when workers do not end; kills the process where undefined
   * @param entry what a worker runs; another one only in tests of what happens when it fails
   */
  constructor(
    config: RelayConfig,
    log: Logger,
    { cluster, stuck = killProcess, entry = WORKER }: SupervisorParts = {},
  ) {
    this.config = config;
    this.log = log;
    this.stuck = stuck;
    this.entry = entry;
    this.interest = InterestTable.allocate(config.workers);
    this.ledger = SharedLedger.allocate(config.workers);
    this.ringBytes = ringBytes(config.workers);
    this.idPrefix = cluster?.idPrefix ?? '';
    if (cluster === undefined) return;
    this.hub = new Hub(config.workers, this.interest, cluster.bus, cluster.owner);
    this.nodes = cluster.nodes;
    this.nodes.origins = () => this.alive().map(({ origin }) => origin);
    this.nodes.attend({
      originGone: (origin) => void this.collect('originGone', origin),
      presenceInDoubt: () => void this.collect('presenceInDoubt'),
    });
  }

  /** Starts every worker. Resolves when all listen.
   *  @throws FanwireError what the first worker that could not start said */
  async start(): Promise<void> {
    const { host, port, workers: count } = this.config;
    if (process.platform !== 'linux') {
      this.log.warn('only Linux spreads connections over --workers; here one of them gets them all');
    }
    this.port = await claimPort(host, port);
    const links: ThreadLink[][] = Array.from({ length: count }, () => []);
    for (let a = 0; a < count; a++) {
      for (let b = a + 1; b < count; b++) {
        const { ofA, ofB } = linkPair(a, b, this.ringBytes);
        links[a]?.push(ofA);
        links[b]?.push(ofB);
      }
    }
    for (const [index, own] of links.entries()) this.linkHub(index, own);
    const started = links.map((own, index) => this.launch(index, own));
    try {
      await Promise.all(started.map(({ listening }) => listening));
    } catch (error) {
      await this.close();
      throw error;
    }
    for (const worker of started) this.watch(worker, FIRST_WAIT_MS);
    this.nodes?.announce(); // its workers too are known now
    const scheme = this.config.tlsCert === '' ? 'ws' : 'wss';
    this.log.info({ host, port: this.port, workers: count }, `listening on ${urlOf(scheme, host, this.port)}`);
  }

  /** Has every worker do `op`, and returns the answers of those that live. */
  async collect<Op extends keyof WorkerOps>(
    op: Op,
    ...args: Parameters<WorkerOps[Op]>
  ): Promise<Awaited<ReturnType<WorkerOps[Op]>>[]> {
    const asked = this.alive().map((worker) => worker.call(op, args));
    const answers = await Promise.allSettled(asked);
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }

  /** Asks every worker, also one that is dead or being started; `answer` is undefined for one that gives none within
   *  `withinMs`. */
  ask<Op extends keyof WorkerOps>(
    withinMs: number,
    op: Op,
    ...args: Parameters<WorkerOps[Op]>
  ): Promise<{ readonly worker: number; readonly answer: AnswerOf<Op> | undefined }[]> {
    return Promise.all(
      this.indices.map(async (worker) => ({ worker, answer: await this.askOne(withinMs, worker, op, ...args) })),
    );
  }

  /** What worker `index` answers, or undefined as `ask` says. */
  async askOne<Op extends keyof WorkerOps>(
    withinMs: number,
    index: number,
    op: Op,
    ...args: Parameters<WorkerOps[Op]>
  ): Promise<AnswerOf<Op> | undefined> {
    const asked = this.workers[index]?.call(op, args).catch(() => undefined);
    const tooLate = new Promise<undefined>((resolve) => setTimeout(resolve, withinMs, undefined).unref());
    return asked && Promise.race([asked, tooLate]);
  }

  get indices(): readonly number[] {
    return Array.from({ length: this.config.workers }, (_, index) => index);
  }

  get isEnding(): boolean {
    return this.ending;
  }

  async reload(): Promise<void> {
    await this.collect('reload');
  }

  /** @throws FanwireError FANWIRE_TLS where a worker could not: its newcomers get the certificate before */
  async renewCertificate(): Promise<void> {
    const reasons = (await this.collect('renewCertificate')).filter((reason) => reason !== undefined);
    if (reasons[0] !== undefined) throw new FanwireError('FANWIRE_TLS', reasons[0]);
  }

  /** New clients are told to go elsewhere, but accepted, for --drain-delay-ms; then every worker closes its sockets. */
  async drain(overMs = this.config.drainMs): Promise<void> {
    this.ending = true;
    await this.collect('leave');
    await sleep(this.config.drainDelayMs);
    // What was published before must reach its subscribers, on whatever worker, before their sockets are closed. A
    // numbered message crosses twice, to its owner and from there, and may wait in a window each time.
    for (let crossing = 0; crossing < 3; crossing++) await this.collect('flush');
    await this.collect('drain', overMs);
    // The process ends when the last worker has: nothing of the hub may hold it.
    void Promise.all(this.alive().map((worker) => worker.ended)).then(() => this.hub?.close());
  }

  async httpConnections(): Promise<HttpConnections> {
    const workers = await this.collect('httpConnections');
    const sum = (of: (worker: HttpConnections) => number): number => workers.reduce((all, each) => all + of(each), 0);
    return { open: sum(({ open }) => open), underWay: sum(({ underWay }) => underWay) };
  }

  async closeIdle(): Promise<void> {
    await this.collect('closeIdle');
  }

  /** Publishes through one worker; the others get it from there. */
  async publish(topic: string, message: Uint8Array, isBinary: boolean): Promise<number> {
    const worker = this.alive()[0];
    if (worker === undefined) throw new FanwireError('FANWIRE_WORKER_GONE', 'no worker runs');
    return worker.call('publish', [topic, message, isBinary]);
  }

  /** How this node stands with others, and what crossed; undefined where it is alone. */
  get clusterStatus(): (() => BusStatus) | undefined {
    const { hub } = this;
    return hub === undefined ? undefined : () => hub.status();
  }

  /** Cuts what is left and ends the threads. The process may exit only after this: it would abort while uWS runs in
   *  one. */
  async close(): Promise<void> {
    this.ending = true;
    const ended = Promise.all(this.alive().map((worker) => worker.ended));
    void this.collect('close');
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, END_MS, true);
    });
    const isStuck = await Promise.race([ended.then(() => false), tooLate]);
    clearTimeout(timer);
    if (isStuck) {
      this.log.fatal('workers do not end');
      this.stuck();
    }
    await this.hub?.close();
  }

  private linkHub(index: number, links: ThreadLink[]): void {
    if (this.hub === undefined) return;
    const { ofA, ofB } = linkPair(index, this.config.workers, this.ringBytes);
    links.push(ofA);
    this.hub.connect(ofB);
  }

  private alive(): WorkerThread[] {
    return this.workers.filter((worker) => worker !== undefined);
  }

  private launch(index: number, links: readonly ThreadLink[], heirTo = 0): WorkerThread {
    const setup = {
      config: { ...this.config, port: this.port },
      index,
      idPrefix: `${this.idPrefix}${++this.launches}-`,
      interest: this.interest,
      ledger: this.ledger,
      links,
      hub: this.hub === undefined ? undefined : this.config.workers,
      heirTo: this.hub === undefined ? heirTo : 0,
    };
    const worker = new WorkerThread(this.entry, setup);
    this.workers[index] = worker;
    void worker.ended.then(() => {
      if (this.workers[index] === worker) this.workers[index] = undefined;
    });
    return worker;
  }

  /** Starts the worker anew when it ends, after `waitMs`. */
  private watch(worker: WorkerThread, waitMs: number): void {
    const startedAt = performance.now();
    void worker.ended.then(async () => {
      if (this.ending) return;
      const { index } = worker;
      new InterestTable(this.interest).clearWorker(index);
      SharedLedger.clear(this.ledger, index);
      this.hub?.disconnect(index);
      await Promise.allSettled(this.alive().map((other) => other.call('unlink', [index])));
      // Its members have left, though it can no longer say so.
      void this.collect('originGone', worker.origin);
      this.nodes?.announce();
      const wait = performance.now() - startedAt > STABLE_MS ? FIRST_WAIT_MS : waitMs;
      this.log.error({ worker: index, startsInMs: wait }, 'a worker has died, its sockets are gone; starting it anew');
      await new Promise((resolve) => setTimeout(resolve, wait));
      // One after the other: two that start at once would not be linked with each other.
      this.restarting = this.restarting.then(() => this.restart(index, Math.min(wait * 2, LONGEST_WAIT_MS)));
    });
  }

  private async restart(index: number, nextWaitMs: number): Promise<void> {
    if (this.ending) return;
    const links: ThreadLink[] = [];
    // The others know it before its first client can come: what they publish from then on reaches it.
    const known = this.alive().map((other) => {
      const { ofA, ofB } = linkPair(index, other.index, this.ringBytes);
      links.push(ofA);
      return other.call('link', [ofB], [ofB.port]);
    });
    this.linkHub(index, links);
    await Promise.race([Promise.allSettled(known), new Promise((resolve) => setTimeout(resolve, LINK_MS).unref())]);
    if (this.ending) return;
    this.restarts++;
    const worker = this.launch(index, links, known.length);
    this.watch(worker, nextWaitMs);
    worker.listening.then(
      () => this.log.info({ worker: index }, 'worker started anew'),
      (error: Error) => this.log.error({ worker: index, reason: error.message }, 'worker could not be started anew'),
    );
  }
}

// A generator process that subscribes: it opens subscribers, times and counts what they receive, and cuts some if the
// plan says so.

import { Lives } from '../../k6/lib/lives.js';
import { type PairTracker, SequenceTracker } from '../../k6/lib/sequence.js';
import { STAMP_MEASURED, stampDueUs, stampPublisher, stampSequence } from '../../k6/lib/stamp.js';
import { watchFor } from './attention.js';
import { BusynessMeter } from './busyness.js';
import type { ConnectionOwner, LoadConnection } from './connection.js';
import { Connections } from './connections.js';
import { LatencyCounts } from './counts.js';
import type { GeneratorMessage, PlayCommand, SettleCommand, SetupCommand } from './messages.js';
import type { ReadTurns } from './read-turns.js';
import { StateTracker } from './states.js';

/** How often to check whether everything has arrived after publishing ended. */
const SETTLE_POLL_MS = 25;
/** After publishing ended, messages count as lost once nothing was delivered for this long. */
const QUIET_MS = 1500;
/** Stalled subscribers read again at the end; within this time they must learn whether the server closed them. */
const STALLED_CLOSE_MS = 1000;
const CHURN_TICK_MS = 10;

export class Subscribers implements ConnectionOwner {
  private readonly setup: SetupCommand;
  private readonly turns: ReadTurns;
  private readonly send: (message: GeneratorMessage) => void;
  private readonly connections: Connections;
  private readonly lives: Lives;
  /** Set when messages have keys. */
  private states: StateTracker | undefined;
  private readonly latencies = new LatencyCounts();
  private readonly busyness = new BusynessMeter();
  private readonly slots: (LoadConnection | undefined)[] = [];
  private readonly readers: number;
  private readonly timers: NodeJS.Timeout[] = [];
  private open = 0;
  private isPlaying = false;
  private isReady = false;
  private deliveries = 0;
  private lastDeliveryUs = 0;
  private intervalTimer: NodeJS.Timeout | undefined;
  private stormCutMs = 0;
  private stormMissing = 0;
  private stormRecoveredMs: number | null = null;
  private stalledClosed = 0;
  private stopWatching: (() => void) | undefined;

  constructor(setup: SetupCommand, turns: ReadTurns, send: (message: GeneratorMessage) => void) {
    const { plan, lane, lanes } = setup;
    this.setup = setup;
    this.turns = turns;
    this.send = send;
    this.readers = Math.ceil((plan.subscribers - lane) / lanes);
    const slots = Math.ceil((plan.subscribers + plan.stalledSubscribers - lane) / lanes);
    this.lives = new Lives(plan, this.readers, lane, lanes, (pairs) => this.trackerOf(pairs));
    this.connections = new Connections(
      setup,
      this,
      turns,
      (slot) => lane + slot * lanes,
      (slot, connection) => {
        this.slots[slot] = connection;
      },
    );
    this.nextInterval();
    for (let slot = 0; slot < slots; slot++) this.connections.open(slot);
    this.checkReady();
  }

  private trackerOf(pairs: number): PairTracker {
    const { keys } = this.setup.plan;
    this.states = keys === 0 ? undefined : new StateTracker(pairs, keys);
    return this.states ?? new SequenceTracker(pairs);
  }

  opened(connection: LoadConnection): void {
    this.open++;
    this.connections.noteOpened(connection);
    if (connection.slot >= this.readers) connection.stall();
    else if (this.isPlaying) this.joinLate(connection.slot);
    this.checkReady();
  }

  failed(connection: LoadConnection, reason: string, code: string | undefined): void {
    if (this.connections.noteFailed(connection, reason, code)) return;
    this.slots[connection.slot] = undefined;
    this.checkReady();
  }

  closedByServer(connection: LoadConnection, code: number): void {
    this.open--;
    this.slots[connection.slot] = undefined;
    if (connection.slot >= this.readers) this.stalledClosed++;
    else this.connections.noteClosedByServer(code);
  }

  stamped(connection: LoadConnection, bytes: Uint8Array, at: number): void {
    const slot = connection.slot;
    // A stalled subscriber reads again at the end; what it then receives does not count as a delivery.
    if (slot >= this.readers) return;
    this.deliveries++;
    if (bytes[at + 1] !== STAMP_MEASURED) return;
    const dueUs = stampDueUs(bytes, at);
    const { nowUs } = this.turns;
    if (!this.lives.hear(slot, stampPublisher(bytes, at), stampSequence(bytes, at), dueUs, nowUs)) return;
    const latencyUs = nowUs - dueUs;
    this.lastDeliveryUs = nowUs;
    this.latencies.record(latencyUs);
    this.turns.heard(latencyUs);
  }

  /** The schedule is known: every subscriber that is open now is owed every measured message. */
  play({ startUs, measureStartUs, measureEndUs }: PlayCommand): void {
    this.isPlaying = true;
    for (let slot = 0; slot < this.readers; slot++) {
      if (this.slots[slot] !== undefined) this.lives.beginWhole(slot);
    }
    const nowUs = this.turns.clock();
    const { churnRate, stormFraction, rate, burst } = this.setup.plan;
    if (this.setup.isWatchful && rate > 0) {
      const instants = { firstUs: startUs, lastUs: measureEndUs, everyUs: (burst * 1e6) / rate };
      this.stopWatching = watchFor(instants, this.turns.clock);
    }
    this.at((measureStartUs - nowUs) / 1000, () => {
      this.busyness.begin();
      this.turns.delays.take();
      if (churnRate > 0) this.churn(churnRate / this.setup.lanes, measureEndUs);
    });
    this.at((measureEndUs - nowUs) / 1000, () => this.busyness.end());
    if (stormFraction > 0) {
      const cutUs = measureStartUs + (measureEndUs - measureStartUs) / 3;
      this.at((cutUs - nowUs) / 1000, () => this.storm(stormFraction));
    }
  }

  /** Publishing ended: waits for messages that are still under way, then reports. */
  settle({ sent }: SettleCommand): void {
    const { drainS, keys } = this.setup.plan;
    // With keys, the newest state may wait until the end of a delivery window.
    const quietMs = keys === 0 ? QUIET_MS : drainS * 1000;
    const startMs = performance.now();
    let heard = this.lives.totals.delivered;
    let quietSinceMs = startMs;
    const poll = setInterval(() => {
      const nowMs = performance.now();
      if (this.lives.totals.delivered !== heard) {
        heard = this.lives.totals.delivered;
        quietSinceMs = nowMs;
      }
      const isOver = nowMs - startMs > drainS * 1000 || nowMs - quietSinceMs > quietMs;
      if (!isOver && !this.lives.haveAll(sent)) return;
      clearInterval(poll);
      this.lives.endAll(sent);
      this.judgeStalled(() => this.report());
    }, SETTLE_POLL_MS);
  }

  close(): void {
    this.stopWatching?.();
    clearTimeout(this.intervalTimer);
    for (const timer of this.timers) clearInterval(timer);
    this.connections.stop();
    for (const connection of this.slots) connection?.close();
  }

  private checkReady(): void {
    if (this.isReady || !this.connections.ramp.isIdle) return;
    this.isReady = true;
    this.send(this.connections.ready());
  }

  private joinLate(slot: number): void {
    this.lives.beginLate(slot);
    if (this.stormMissing === 0) return;
    this.stormMissing--;
    if (this.stormMissing === 0) this.stormRecoveredMs = performance.now() - this.stormCutMs;
  }

  /** Queues the replacement of a subscriber that was just closed on purpose, in the same slot. */
  private succeed(slot: number): void {
    this.open--;
    this.lives.endEarly(slot);
    this.connections.open(slot);
  }

  private churn(ratePerS: number, endUs: number): void {
    const startUs = this.turns.clock();
    let replaced = 0;
    let slot = 0;
    const timer = setInterval(() => {
      const nowUs = this.turns.clock();
      if (nowUs >= endUs) clearInterval(timer);
      const due = Math.floor(((nowUs - startUs) / 1e6) * ratePerS);
      for (let tries = 0; replaced < due && tries < this.readers; tries++) {
        const connection = this.slots[slot];
        if (connection?.isOpen) {
          connection.close();
          this.succeed(slot);
          replaced++;
        }
        slot = (slot + 1) % this.readers;
      }
    }, CHURN_TICK_MS);
    this.timers.push(timer);
  }

  private storm(fraction: number): void {
    this.stormCutMs = performance.now();
    const cut: number[] = [];
    for (let slot = 0; slot < Math.round(this.readers * fraction); slot++) {
      if (this.slots[slot]?.isOpen) cut.push(slot);
    }
    // Count and cut all of them before the first reconnects: else a fast server could make the storm seem over
    // between two cuts.
    this.stormMissing = cut.length;
    for (const slot of cut) this.slots[slot]?.cut();
    for (const slot of cut) this.succeed(slot);
  }

  /** Lets stalled subscribers read again, so that they notice whether the server closed them. */
  private judgeStalled(done: () => void): void {
    const stalled = this.slots.slice(this.readers);
    if (stalled.length === 0) {
      done();
      return;
    }
    for (const connection of stalled) connection?.unstall();
    this.at(STALLED_CLOSE_MS, done);
  }

  /** Reports at the next interval boundary of the series, which is the same in all processes. */
  private nextInterval(): void {
    const { runStartUs, intervalMs } = this.setup;
    const sinceMs = (this.turns.clock() - runStartUs) / 1000;
    const index = Math.floor(sinceMs / intervalMs);
    this.intervalTimer = setTimeout(
      () => {
        this.reportInterval(index, (index + 1) * intervalMs);
        this.nextInterval();
      },
      (index + 1) * intervalMs - sinceMs + 1,
    );
  }

  private reportInterval(index: number, endMs: number): void {
    this.send({
      kind: 'interval',
      index,
      endMs,
      open: this.open,
      opened: this.connections.opened,
      deliveries: this.deliveries,
      latencies: this.latencies.take(),
      missing: this.lives.missing,
      cpu: this.busyness.sinceLast(),
    });
    this.deliveries = 0;
  }

  private report(): void {
    clearTimeout(this.intervalTimer);
    const { runStartUs, intervalMs } = this.setup;
    const endMs = Math.round((this.turns.clock() - runStartUs) / 1000);
    this.reportInterval(Math.floor(endMs / intervalMs), endMs);
    const { states } = this;
    this.send({
      kind: 'heard',
      totals: this.lives.totals,
      lastDeliveryUs: this.lastDeliveryUs,
      misrouted: this.lives.misrouted,
      readDelays: this.turns.delays.take(),
      busyness: this.busyness.report(this.setup.plan.durationS * 1000),
      connections: this.connections.figures(),
      closedByServer: this.connections.closedByServer,
      stalledClosed: this.setup.plan.stalledSubscribers === 0 ? null : this.stalledClosed,
      stormRecoveredMs: this.stormRecoveredMs,
      states: states === undefined ? null : { ages: states.ages.take(), conflated: states.conflated },
    });
  }

  private at(delayMs: number, act: () => void): void {
    this.timers.push(setTimeout(act, Math.max(0, delayMs)));
  }
}

// Tracks the turns of the event loop in which messages are read: one clock reading per chunk, and how long each
// message may have waited for this process.
//
// A chunk is read some time after its turn began, because other sockets came first. If it had been there when the
// turn before began, that turn would have read it. So it waited for this process at most since this turn began or, if
// the process did not sleep in between, since the turn before began. Any longer wait was for the server.

import { LatencyCounts } from './counts.js';

/** A shorter pause between two turns does not count as sleep. */
const NO_SLEEP_US = 50;

export class ReadTurns {
  /** When the chunk that is being handled now was read, µs since the Unix epoch. */
  nowUs = 0;
  private messages = 0;
  private longestLatencyUs = 0;
  /** Upper bound of how long each message waited to be read by this process (µs). */
  readonly delays = new LatencyCounts();
  private isInTurn = false;
  private startedUs = 0;
  private endedUs = 0;
  private waitingSinceUs = 0;
  private readonly end = () => {
    this.countChunk();
    this.isInTurn = false;
    this.endedUs = this.clock();
  };

  constructor(readonly clock: () => number) {}

  /** Must be called as each chunk is read. */
  enter(): void {
    this.countChunk();
    this.nowUs = this.clock();
    if (this.isInTurn) return;
    this.isInTurn = true;
    const hasSlept = this.nowUs - this.endedUs > NO_SLEEP_US;
    this.waitingSinceUs = hasSlept ? this.nowUs : this.startedUs;
    this.startedUs = this.nowUs;
    setImmediate(this.end);
  }

  /** Must be called for each message of this chunk, with its latency. */
  heard(latencyUs: number): void {
    this.messages++;
    if (latencyUs > this.longestLatencyUs) this.longestLatencyUs = latencyUs;
  }

  private countChunk(): void {
    if (this.messages === 0) return;
    // No message can have waited for this process before it was due.
    const waitedUs = Math.min(this.nowUs - this.waitingSinceUs, this.longestLatencyUs);
    this.delays.recordTimes(waitedUs, this.messages);
    this.messages = 0;
    this.longestLatencyUs = 0;
  }
}

// The turns of the event loop in which messages are read: one clock reading per chunk, and how long each turn kept data waiting.

import { LatencyCounts } from './counts.js';

export class ReadTurns {
  /** When the chunk now being read was read, µs since the Unix epoch. */
  nowUs = 0;
  /** Messages read in this turn; whoever reads them adds to it. */
  messages = 0;
  /** Length of the turn that a message was read in (µs), counted once per message: what arrived as it began waited that long. */
  readonly delays = new LatencyCounts();
  #startedUs = 0;
  readonly #end = () => {
    if (this.messages > 0) this.delays.recordTimes(this.clock() - this.#startedUs, this.messages);
    this.messages = 0;
    this.#startedUs = 0;
  };

  constructor(readonly clock: () => number) {}

  /** Called as each chunk is read. */
  enter(): void {
    this.nowUs = this.clock();
    if (this.#startedUs !== 0) return;
    this.#startedUs = this.nowUs;
    setImmediate(this.#end);
  }
}

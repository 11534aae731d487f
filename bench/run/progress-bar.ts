// What a run shows while it runs: one line on a terminal's stderr, or nothing where that is no terminal.

import { formatCount } from '../../src/base/page/format.js';
import type { Phase, Progress } from '../engines/engine.js';

const PHASES: Readonly<Record<Phase, string>> = {
  connect: 'connecting',
  warmup: 'warming up',
  measure: 'measuring',
  drain: 'draining',
  done: 'done',
};
const BAR_WIDTH = 24;
const ERASE_LINE = '\r\x1b[K';

export class ProgressBar {
  #label = '';

  constructor(private readonly stream: NodeJS.WriteStream) {}

  /** Names what runs now: "payload-sweep 1024 bytes". */
  begin(label: string): void {
    this.#label = label;
  }

  show(now: Progress): void {
    if (!this.stream.isTTY) return;
    const filled = Math.round(now.fraction * BAR_WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    const counts = `${formatCount(now.opened)} connections  ${formatCount(now.delivered)} deliveries`;
    const line = `${this.#label}  ${bar}  ${PHASES[now.phase].padEnd(10)}  ${counts}`;
    this.stream.write(ERASE_LINE + line.slice(0, (this.stream.columns ?? 80) - 1));
  }

  /** Leaves the line empty for what follows. */
  end(): void {
    if (this.stream.isTTY) this.stream.write(ERASE_LINE);
  }
}

// What a run shows while it runs, on stderr: one line in place on a terminal; elsewhere (a CI log) a plain line every
// ten seconds.

import { formatCount, formatMs, formatRate } from '../../src/base/page/format.js';
import type { Phase, Progress } from '../engines/engine.js';
import type { Plan } from '../scenarios/scenario.js';
import { drawsInPlace, ERASE_LINE } from '../system/line-in-place.js';

const PHASES: Readonly<Record<Phase, string>> = {
  connect: 'connecting',
  warmup: 'warming up',
  measure: 'measuring',
  drain: 'draining',
  done: 'done',
};
const BAR_WIDTH = 16;
const LOG_EVERY_MS = 10_000;
/** Deliveries per second are those of this long. */
const RATE_OVER_MS = 1000;

export class ProgressBar {
  private label = '';
  private plan: Plan | undefined;
  private loggedAt = performance.now();
  private rate = 0;
  private counted = { atMs: 0, delivered: 0 };

  /** `isSilent`: nothing is shown where it is no terminal. */
  constructor(
    private readonly stream: NodeJS.WriteStream,
    private readonly isSilent: boolean,
  ) {}

  /** Names what runs now: "payload-sweep 1024 bytes". */
  begin(label: string, plan: Plan): void {
    this.label = label;
    this.plan = plan;
    this.rate = 0;
    this.counted = { atMs: performance.now(), delivered: 0 };
  }

  show(now: Progress): void {
    const at = performance.now();
    const sinceMs = at - this.counted.atMs;
    if (sinceMs >= RATE_OVER_MS) {
      this.rate = Math.max(0, ((now.delivered - this.counted.delivered) * 1000) / sinceMs);
      this.counted = { atMs: at, delivered: now.delivered };
    }
    if (drawsInPlace(this.stream)) {
      const filled = Math.round(now.fraction * BAR_WIDTH);
      const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
      const line = `${this.label} ${bar} ${this.text(now)}`;
      this.stream.write(ERASE_LINE + line.slice(0, (this.stream.columns || 80) - 1));
    } else if (!this.isSilent && at - this.loggedAt >= LOG_EVERY_MS) {
      this.loggedAt = at;
      this.stream.write(`${this.label}: ${this.text(now)}\n`);
    }
  }

  /** Says something that stays, above the line. */
  say(text: string): void {
    this.end();
    if (drawsInPlace(this.stream) || !this.isSilent) this.stream.write(`${text}\n`);
  }

  /** Leaves the line empty for what follows. */
  end(): void {
    if (drawsInPlace(this.stream)) this.stream.write(ERASE_LINE);
  }

  private text(now: Progress): string {
    const { p50 = null, p99 = null, missing = 0, generatorCpu } = now;
    const parts = [
      PHASES[now.phase],
      now.phase === 'connect' ? `${formatCount(now.opened)} connections` : `${formatRate(this.rate)}`,
      p50 === null ? '' : `p50 ${formatMs(p50)} p99 ${formatMs(p99)}`,
      missing > 0 ? `${formatCount(missing)} missing` : '',
      generatorCpu === undefined || now.phase === 'connect'
        ? ''
        : `generator ${Math.round(Math.max(0, 1 - generatorCpu) * 100)} % free`,
      this.plan === undefined ? '' : `${Math.ceil(leftS(this.plan, now))} s left`,
    ];
    return parts.filter((part) => part !== '').join(' · ');
  }
}

/** Seconds to the end of the last message, by the plan; how long the drain takes nobody knows. */
function leftS({ warmupS, durationS }: Plan, { phase, fraction }: Progress): number {
  if (phase === 'connect') return warmupS + durationS;
  if (phase === 'warmup') return (1 - fraction) * warmupS + durationS;
  return phase === 'measure' ? (1 - fraction) * durationS : 0;
}

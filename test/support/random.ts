// Chance that can be repeated: a seed is drawn anew for each run, and given by FANWIRE_TEST_SEED to repeat one.
import { randomInt } from 'node:crypto';

export class Random {
  private state: number;

  constructor(readonly seed = Number(process.env.FANWIRE_TEST_SEED ?? randomInt(2 ** 31))) {
    this.state = seed;
  }

  /** A number from 0 up to, not including, 1 (mulberry32, Tommy Ettinger, public domain). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to, not including, `below`. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }
}

// A log that keeps its lines, so that a test can read what was (and what must not be) written.
import type { AuthLog } from '../../src/auth/auth.js';

export class RecordedLog implements AuthLog {
  readonly lines: { level: string; fields: object; message: string }[] = [];

  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', fields, message });
  }

  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', fields, message });
  }

  error(fields: object, message: string): void {
    this.lines.push({ level: 'error', fields, message });
  }

  last(): { level: string; fields: object; message: string } {
    const line = this.lines.at(-1);
    if (line === undefined) throw new Error('nothing was logged');
    return line;
  }

  text(): string {
    return JSON.stringify(this.lines);
  }
}

// Where log lines go. They are written at once, so that the last one before an exit is never lost, but they never block
// the relay: a full disk, or a reader that has gone or stalls, costs only log lines, which are counted.
import { constants, fstatSync, openSync, writeSync } from 'node:fs';

/** Lines that wait until they can be written; what comes on top is lost. */
const MAX_WAITING_BYTES = 1024 * 1024;
const RETRY_MS = 1000;

export class LogSink {
  private readonly fd: number;
  private readonly recovered: (lost: number) => void;
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private lost = 0;
  private retry: NodeJS.Timeout | undefined;

  /** @param recovered called once lines can be written again, with how many were lost */
  constructor(fd: number, recovered: (lost: number) => void) {
    this.fd = withoutBlocking(fd);
    this.recovered = recovered;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.waitingBytes + bytes.length > MAX_WAITING_BYTES) {
      this.lost++;
      return;
    }
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    this.flush();
  }

  private readonly flush = (): void => {
    this.retry = undefined;
    try {
      for (let bytes = this.waiting[0]; bytes !== undefined; bytes = this.waiting[0]) {
        const written = writeSync(this.fd, bytes);
        this.waitingBytes -= written;
        if (written < bytes.length) this.waiting[0] = bytes.subarray(written);
        else this.waiting.shift();
      }
    } catch {
      this.retry ??= setTimeout(this.flush, RETRY_MS).unref();
      return;
    }
    const { lost } = this;
    this.lost = 0;
    if (lost > 0) this.recovered(lost);
  };
}

/**
 * A pipe whose reader stalls would hold up every socket of the relay, so it is opened a second time, non-blocking:
 * setting that on `fd` itself would also hit the processes that share it. Files do not block, and a socket (journald's)
 * cannot be opened again: those are written as they are.
 */
function withoutBlocking(fd: number): number {
  try {
    if (!fstatSync(fd).isFIFO()) return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return fd; // no /proc (macOS), or nobody reads the pipe any more
  }
}

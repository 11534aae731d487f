// The open-file limit (ulimit -n, LimitNOFILE) as a bound on sockets, kept a little below the kernel's: at the kernel's, accept()
// fails and uWS tries again at once for as long as clients wait, a whole core for nothing (measured: 2.0 s of CPU in 2 s).
import { readdirSync, readFileSync } from 'node:fs';
import type { Logger } from '../log.js';
import type { Refusal } from '../protocol/codes.js';
import type { HttpResponse, TemplatedApp } from './uws.js';

/** Descriptors left for other things than clients: admin requests, key fetches, files read again. */
const SPARE_FILES = 32;
/** A sixteenth of the sockets, within these, is kept to answer 503 on: whoever is cut without an answer learns nothing. */
const LEAST_REFUSING = 4;
const MOST_REFUSING = 256;

export class FileLimit {
  /** The process's limit of open files. */
  readonly openFiles: number;
  /** From this many WebSockets on an upgrade is refused. */
  readonly maxSockets: number;
  private readonly cutFrom: number;
  private sockets = 0;

  /** @param workers threads that share the process's limit evenly */
  constructor(workers: number, openFiles = openFileLimit(), filesInUse = countOpenFiles()) {
    this.openFiles = openFiles;
    this.cutFrom = Math.max(1, Math.floor((openFiles - filesInUse - SPARE_FILES) / workers));
    const refusing = Math.min(MOST_REFUSING, Math.max(LEAST_REFUSING, this.cutFrom >> 4));
    this.maxSockets = Math.max(1, this.cutFrom - refusing);
  }

  /** Counts the sockets of `app` from here on. `cut` is told when one is closed unread, since not even a 503 fits any more. */
  watch(app: TemplatedApp, cut: (refusal: Refusal) => void): void {
    app.filter((res, change) => this.onSocket(res, Number(change), cut));
  }

  /** A WebSocket has closed: once upgraded, a socket is no longer uWS's filter's. */
  webSocketClosed(): void {
    this.sockets--;
  }

  /** Why no socket may be upgraded while there are `webSockets`, open or in their handshake. */
  refusal(webSockets: number): Refusal | undefined {
    return webSockets >= this.maxSockets ? this.full() : undefined;
  }

  private onSocket(res: HttpResponse, change: number, cut: (refusal: Refusal) => void): void {
    this.sockets += change;
    if (change < 0 || this.sockets <= this.cutFrom) return;
    cut(this.full());
    res.close(); // calls back with -1
  }

  /** Says so when the limit contradicts what was asked for. */
  warnBelow(maxConnections: number, log: Logger): void {
    const { openFiles, maxSockets } = this;
    if (maxConnections <= maxSockets) return;
    log.warn(
      { maxConnections, maxSockets, openFiles },
      'the open-file limit allows fewer sockets than --max-connections: raise ulimit -n or LimitNOFILE',
    );
  }

  private full(): Refusal {
    return {
      status: 503,
      code: 'FANWIRE_FILE_LIMIT',
      message: `the relay has as many sockets open as its open-file limit of ${this.openFiles} allows; try again later`,
      retryAfterS: 5,
    };
  }
}

/** Node raises its soft limit to the hard one as it starts, so this is the hard one. */
function openFileLimit(): number {
  try {
    const limit = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    if (limit !== undefined) return limit === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(limit);
  } catch {
    // Not Linux: the report has it too, but takes 8 ms.
  }
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft: number | 'unlimited' } } };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.MAX_SAFE_INTEGER;
}

function countOpenFiles(): number {
  try {
    return readdirSync('/dev/fd').length;
  } catch {
    return 0;
  }
}

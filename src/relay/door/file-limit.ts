// The open-file limit (ulimit -n, LimitNOFILE) as a bound on sockets, kept a little below the kernel's: at the
// kernel's, accept() fails and uWS tries again at once for as long as clients wait, a whole core for nothing (measured:
// 2.0 s of CPU in 2 s).
import type { Logger } from '../../base/log.js';
import { openFileLimit } from '../../base/open-files.js';
import { type Refusal, Refused } from '../../protocol/codes.js';
import type { HttpResponse, TemplatedApp } from '../uws.js';

/** Descriptors for other things than clients: those of the process and each of its threads (21 with one, 41 with four
 *  workers), admin requests, key fetches, brokers. Not counted at the start: a worker that is started again would count
 *  clients. */
const OWN_FILES = 64;
const OWN_FILES_PER_WORKER = 16;
/** A sixteenth of the sockets, within these, is kept to answer 503 on: whoever is cut without an answer learns
 *  nothing. */
const LEAST_REFUSING = 4;
const MOST_REFUSING = 256;

export class FileLimit {
  /** The process's limit of open files. */
  readonly openFiles: number;
  /** From this many WebSockets of the process on an upgrade is refused. */
  readonly maxSockets: number;
  private readonly cutFrom: number;
  /** Connections of this thread that are no WebSockets (yet). */
  private requests = 0;

  /** @param webSockets WebSockets of the whole process, open or in their handshake */
  constructor(
    workers: number,
    private readonly webSockets: () => number,
    openFiles = openFileLimit(),
  ) {
    this.openFiles = openFiles;
    this.cutFrom = Math.max(2, openFiles - OWN_FILES - OWN_FILES_PER_WORKER * workers);
    const refusing = Math.min(MOST_REFUSING, Math.max(LEAST_REFUSING, this.cutFrom >> 4));
    this.maxSockets = Math.max(1, this.cutFrom - refusing);
  }

  /** Connections of this thread that are no WebSockets. */
  get httpConnections(): number {
    return this.requests;
  }

  get isReached(): boolean {
    return this.webSockets() >= this.maxSockets;
  }

  /** Counts the sockets of `app` from here on. `cut` is told when one is closed unread, since not even a 503 fits any
   *  more. */
  watch(app: TemplatedApp, cut: (refusal: Refusal) => void): void {
    app.filter((res, change) => this.onSocket(res, Number(change), cut));
  }

  /** A socket has become a WebSocket: uWS's filter is not told of its end. */
  upgraded(): void {
    this.requests--;
  }

  /** Why no socket may be upgraded now. */
  refusal(): Refusal | undefined {
    return this.isReached ? this.full() : undefined;
  }

  private onSocket(res: HttpResponse, change: number, cut: (refusal: Refusal) => void): void {
    this.requests += change;
    if (change < 0 || this.requests + this.webSockets() <= this.cutFrom) return;
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
      ...Refused.fileLimit,
      message: `the relay has as many sockets open as its open-file limit of ${this.openFiles} allows; try again later`,
      retryAfterS: 5 + Math.floor(Math.random() * 5), // so that a herd does not return as one
    };
  }
}

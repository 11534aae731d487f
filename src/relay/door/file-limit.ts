// The open-file limit (ulimit -n, LimitNOFILE) as a bound on sockets, kept a little below the kernel's. At the kernel's
// limit accept() fails, and uWS retries at once for as long as clients wait, which wastes a whole core (measured: 2.0 s
// of CPU in 2 s).
import type { Logger } from '../../base/log.js';
import { openFileLimit } from '../../base/open-files.js';
import { type Refusal, Refused } from '../../protocol/codes.js';
import type { HttpResponse, TemplatedApp } from '../uws.js';

/** Descriptors for purposes other than clients: the process and each of its threads (21 with one, 41 with four
 *  workers), admin requests, key fetches, brokers. Not counted at the start, since a restarted worker would count
 *  clients too. */
const OWN_FILES = 64;
const OWN_FILES_PER_WORKER = 16;
/** A sixteenth of the sockets, within these bounds, is reserved for answering 503: a client that is cut without an
 *  answer does not learn why. */
const LEAST_REFUSING = 4;
const MOST_REFUSING = 256;

export class FileLimit {
  /** The process's limit of open files. */
  readonly openFiles: number;
  /** From this number of WebSockets in the process on, an upgrade is refused. */
  readonly maxSockets: number;
  private readonly cutFrom: number;
  /** Connections of this thread that are not, or not yet, WebSockets. */
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

  /** Counts the sockets of `app` from now on. `cut` is called when one is closed unread, since there is no room left
   *  even for a 503. */
  watch(app: TemplatedApp, cut: (refusal: Refusal) => void): void {
    app.filter((res, change) => this.onSocket(res, Number(change), cut));
  }

  /** A socket has become a WebSocket: uWS's filter does not report its end. */
  upgraded(): void {
    this.requests--;
  }

  /** Why no socket may be upgraded now; undefined if one may. */
  refusal(): Refusal | undefined {
    return this.isReached ? this.full() : undefined;
  }

  private onSocket(res: HttpResponse, change: number, cut: (refusal: Refusal) => void): void {
    this.requests += change;
    if (change < 0 || this.requests + this.webSockets() <= this.cutFrom) return;
    cut(this.full());
    res.close(); // calls back with -1
  }

  /** Warns if the open-file limit is below what was configured. */
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

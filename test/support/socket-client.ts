// A `ws` client that remembers what it received, and lets a test wait for it.
import type { TestContext } from 'node:test';
import { type ClientOptions, WebSocket } from 'ws';

export interface Received {
  readonly payload: Buffer;
  readonly isBinary: boolean;
}

export class SocketClient {
  readonly received: Received[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  private readonly waiting = new Set<() => void>();

  private constructor(readonly socket: WebSocket) {
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on('error', () => {}); // a test that expects one looks at `closed`
    socket.on('message', (payload: Buffer, isBinary: boolean) => {
      this.received.push({ payload, isBinary });
      for (const check of this.waiting) check();
    });
  }

  /** Opens a socket; the test's end closes it. Rejects with the relay's answer when the upgrade is refused. */
  static open(t: TestContext, url: string, options: ClientOptions = {}): Promise<SocketClient> {
    const socket = new WebSocket(url, { perMessageDeflate: false, ...options });
    const client = new SocketClient(socket);
    t.after(() => socket.terminate());
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(client));
      socket.once('error', reject);
    });
  }

  /** Resolves once `check` holds of what was received; rejects if the socket closes first. */
  until(check: (received: readonly Received[]) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!check(this.received)) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
      this.closed.then(({ code, reason }) =>
        reject(new Error(`closed with ${code} ${reason} after ${this.received.length}`)),
      );
    });
  }

  count(messages: number): Promise<void> {
    return this.until((received) => received.length >= messages);
  }

  get texts(): string[] {
    return this.received.map(({ payload }) => payload.toString());
  }

  /** Resolves when the relay has handled all that this socket sent: it answers pings in turn. */
  handled(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.once('pong', () => resolve());
      this.closed.then(() => reject(new Error('closed before it answered')));
      this.socket.ping();
    });
  }
}

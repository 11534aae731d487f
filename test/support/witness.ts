// The bystanders of a fault: a publisher that goes on at a steady rate, and subscribers that must lose nothing of it.
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { ServeProcess } from './fanwire-process.js';
import { SocketClient } from './socket-client.js';

const EVERY_MS = 2;
const MARK = 'w';
const LAST = `${MARK}last`;

export interface Testimony {
  /** Messages published while it lasted. */
  readonly published: number;
  /** Messages that a subscriber did not get, over all subscribers. */
  readonly lost: number;
}

/** One subscriber: counts what is missing between two messages. */
class Reader {
  received = 0;
  outOfOrder = 0;
  readonly done: Promise<void>;

  private constructor(socket: WebSocket) {
    this.done = new Promise((resolve, reject) => {
      socket.on('message', (payload: Buffer) => {
        const text = payload.toString('latin1');
        if (!text.startsWith(MARK)) return; // others publish on the topic too
        if (text === LAST) resolve();
        else if (Number(text.slice(MARK.length)) !== this.received++) this.outOfOrder++;
      });
      socket.once('close', (code, reason) => reject(new Error(`a witness was closed: ${code} ${reason}`)));
    });
    this.done.catch(() => {}); // `end` reports it
  }

  static async open(t: TestContext, url: string): Promise<Reader> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    t.after(() => socket.terminate());
    const reader = new Reader(socket);
    await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return reader;
  }
}

export class Witness {
  private published = 0;
  private readonly timer: NodeJS.Timeout;

  private constructor(
    private readonly publisher: SocketClient,
    private readonly readers: readonly Reader[],
  ) {
    this.timer = setInterval(() => {
      if (publisher.socket.readyState === WebSocket.OPEN) publisher.socket.send(`${MARK}${this.published++}`);
    }, EVERY_MS);
  }

  /** A publisher and `readers` subscribers on `topic`, until `end`. */
  static async start(t: TestContext, relay: ServeProcess, topic: string, readers = 2): Promise<Witness> {
    const url = relay.url(topic);
    const opened = await Promise.all(Array.from({ length: readers }, () => Reader.open(t, url)));
    const witness = new Witness(await SocketClient.open(t, url), opened);
    t.after(() => clearInterval(witness.timer));
    return witness;
  }

  /** Ends the publishing and waits until every subscriber has all, or has what came after it. */
  async end(): Promise<Testimony> {
    clearInterval(this.timer);
    this.publisher.socket.send(LAST);
    await Promise.all(this.readers.map((reader) => reader.done));
    const { published } = this;
    const lost = this.readers.reduce((sum, { received, outOfOrder }) => sum + published - received + outOfOrder, 0);
    return { published, lost };
  }
}

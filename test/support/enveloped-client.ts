// A bare fanwire.v1 client for tests: says ops, remembers what the relay said, and lets a test wait for it.
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { ServerOp } from '../../src/protocol/ops.js';

type Named<Op extends ServerOp['op']> = Extract<ServerOp, { op: Op }>;

export class EnvelopedClient {
  /** All that the relay said after its greeting. */
  readonly heard: ServerOp[] = [];
  /** Frames that it came in. */
  frames = 0;
  /** What it was greeted with: its limits. */
  hello: Named<'hello'> | undefined;
  readonly closed: Promise<{ code: number; reason: string }>;
  private readonly waiting = new Set<() => void>();
  private nextId = 1;

  private constructor(readonly socket: WebSocket) {
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on('error', () => {}); // a test that expects one looks at `closed`
    socket.on('message', (frame: Buffer) => {
      this.frames++;
      for (const said of opsIn(frame)) {
        if (said.op === 'hello') this.hello = said;
        else this.heard.push(said);
      }
      for (const check of this.waiting) check();
    });
  }

  static open(t: TestContext, port: number, protocols: string[] = ['fanwire.v1']): Promise<EnvelopedClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocols, { perMessageDeflate: false });
    const client = new EnvelopedClient(socket);
    t.after(() => socket.terminate());
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(client));
      socket.once('error', reject);
    });
  }

  say(op: object | string): void {
    this.socket.send(typeof op === 'string' ? op : JSON.stringify(op));
  }

  /** Says an op and gives the answer to it. */
  async ask(op: object): Promise<Named<'ok'> | Named<'error'>> {
    const id = `ask-${this.nextId++}`;
    this.say({ ...op, id });
    const answer = await this.until((heard) => heard.find((said) => 'id' in said && said.id === id));
    return answer as Named<'ok'> | Named<'error'>;
  }

  /** Resolves with what `look` finds in all that was heard, once it finds something; rejects if the socket closes
   *  first. */
  until<T>(look: (heard: readonly ServerOp[]) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = look(this.heard);
        if (found === undefined) return;
        this.waiting.delete(check);
        resolve(found);
      };
      this.waiting.add(check);
      this.closed.then(({ code, reason }) => {
        reject(new Error(`closed with ${code} ${reason} after ${JSON.stringify(this.heard.slice(-3))}`));
      });
      check();
    });
  }

  /** The next `count` messages of all topics, from the first on. */
  async messages(count: number): Promise<Named<'msg'>[]> {
    return this.until((heard) => {
      const messages = heard.filter((said) => said.op === 'msg');
      return messages.length >= count ? messages : undefined;
    });
  }

  /** Resolves when the relay has handled all that this socket said. */
  async handled(): Promise<void> {
    await this.ask({ op: 'ping' });
  }
}

/** The ops of a frame, of which those after the first may leave out what they share with it. */
export function opsIn(frame: Buffer): ServerOp[] {
  const said = JSON.parse(frame.toString()) as ServerOp | ServerOp[];
  if (!Array.isArray(said)) return [said];
  const { op, topic } = said[0] as { op: string; topic: string };
  return said.map((each) => ('op' in each ? each : ({ op, topic, ...(each as object) } as ServerOp)));
}

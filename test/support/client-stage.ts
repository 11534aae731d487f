// A client on a stage: its relay is the test, frame by frame and without sockets, and time passes as the test says.
import type { TestContext } from 'node:test';
import { type ClientOptions, FanwireClient, type FanwireError } from '../../src/client/index.js';
import { VirtualTime } from './virtual-time.js';

export type Frame = { readonly [field: string]: unknown };

/** A socket whose other end is the test. */
export class Wire {
  readonly bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: Frame[] = [];
  isClosed = false;
  /** As some runtimes do. */
  cannotBeClosedEarly = false;
  private isOpen = false;

  constructor(wires: Wire[]) {
    wires.push(this);
  }

  open(hello: Frame = {}): void {
    this.isOpen = true;
    this.onopen?.();
    this.say({ op: 'hello', limits: { maxPayload: 65_536 }, ...hello });
  }

  say(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) });
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    if (this.cannotBeClosedEarly && !this.isOpen) throw new Error('InvalidStateError');
    this.isClosed = true;
  }

  /** The newest op of that name. */
  last(op: string): Frame | undefined {
    return this.sent.findLast((each) => each.op === op);
  }

  count(op: string): number {
    return this.sent.filter((each) => each.op === op).length;
  }
}

export class Stage {
  readonly time: VirtualTime;
  readonly wires: Wire[] = [];
  readonly client: FanwireClient;
  readonly errors: FanwireError[] = [];

  constructor(t: TestContext, options: ClientOptions = {}) {
    this.time = new VirtualTime(t);
    const { wires } = this;
    const WebSocket = class extends Wire {
      constructor() {
        super(wires);
      }
    };
    this.client = new FanwireClient('ws://relay', { WebSocket, ...options });
    this.client.on('error', (error) => this.errors.push(error));
    t.after(() => this.client.close());
  }

  get wire(): Wire {
    return this.wires.at(-1) as Wire;
  }

  /** The next attempt, after whatever wait comes before it, is let in. */
  async open(hello?: Frame): Promise<Wire> {
    await this.time.pass(10);
    while (this.client.state !== 'connecting') await this.time.pass(10);
    this.wire.open(hello);
    return this.wire;
  }

  /** A topic with history, joined at number 0. */
  join(topic: string): { heard: unknown[]; gaps: unknown[]; room: ReturnType<FanwireClient['subscribe']> } {
    const heard: unknown[] = [];
    const gaps: unknown[] = [];
    const room = this.client.subscribe(topic, ({ data }) => heard.push(data));
    room.on('gap', ({ reason }) => gaps.push(reason));
    this.wire.say({ op: 'ok', id: this.wire.last('sub')?.id, topic, epoch: 'e', seq: 0 });
    return { heard, gaps, room };
  }
}

// One client connection of the load generator: TCP or TLS, handshake, the dialect's hello, then frames.

import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { STAMP_MARK } from '../../k6/lib/stamp.js';
import type { DialectRules } from './dialect.js';
import { FrameReader, type FrameSink, OPCODE_CLOSE, OPCODE_PING } from './frame-reader.js';
import { CLOSE_NORMAL, pongFrame } from './frame-writer.js';
import { judgeResponse } from './handshake.js';
import type { ReadTurns } from './read-turns.js';

/** Whom a connection notifies. */
export interface ConnectionOwner {
  /** The connection receives its topic's messages from now on. */
  opened(connection: LoadConnection): void;
  /** The connection never opened. `code` is an errno such as EADDRINUSE, if there is one. */
  failed(connection: LoadConnection, reason: string, code: string | undefined): void;
  /** A message arrived; its stamp is at `bytes[at]`. `bytes` is only valid during the call. */
  stamped(connection: LoadConnection, bytes: Uint8Array, at: number): void;
  /** The server closed the open connection; `code` is 1006 when there was no close frame. */
  closedByServer(connection: LoadConnection, code: number): void;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly servername: string | undefined;
  readonly isInsecureAllowed: boolean;
}

export interface SourceAddress {
  readonly localAddress?: string;
  readonly localPort?: number;
}

const State = { Connecting: 0, Handshake: 1, Hello: 2, Open: 3, Closed: 4 } as const;

/** One read buffer for all sockets of the process: libuv fills it, and the callback empties it before the next read. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);

export class LoadConnection implements FrameSink {
  readonly startedUs: number;
  private state: number = State.Connecting;
  private socket: Socket;
  private response = '';
  private closeCode = 1006;
  private isStalled = false;
  private readonly reader: FrameReader;

  constructor(
    /** Which subscriber or publisher this is, as its owner numbers them. */
    readonly slot: number,
    private readonly owner: ConnectionOwner,
    private readonly turns: ReadTurns,
    private readonly rules: DialectRules,
    endpoint: Endpoint,
    source: SourceAddress,
    request: Buffer,
    private readonly hello: Buffer | undefined,
  ) {
    this.startedUs = turns.clock();
    this.reader = new FrameReader(this, rules.headBytes);
    this.socket = endpoint.servername === undefined ? this.openTcp(endpoint, source) : this.openTls(endpoint, source);
    this.socket.on('error', (error: NodeJS.ErrnoException) => this.broken(error.code ?? error.message, error.code));
    this.socket.on('close', () => this.broken('closed during the handshake', undefined));
    const ready = endpoint.servername === undefined ? 'connect' : 'secureConnect';
    this.socket.once(ready, () => {
      this.state = State.Handshake;
      this.socket.write(request);
    });
  }

  get isOpen(): boolean {
    return this.state === State.Open;
  }

  /** Bytes that the kernel has not accepted yet. */
  get unsentBytes(): number {
    return this.socket.writableLength;
  }

  write(frames: Buffer): void {
    this.socket.write(frames);
  }

  /** Stops reading: the kernel's buffers fill up and the server sees a slow consumer. `unstall` undoes it. */
  stall(): void {
    this.isStalled = true;
    this.socket.pause();
  }

  /** Reads again after `stall`. */
  unstall(): void {
    this.isStalled = false;
    this.socket.resume();
  }

  /** Sends a close frame and forgets the connection: nothing that arrives later is reported. */
  close(): void {
    if (this.state === State.Closed) return;
    const wasOpen = this.state >= State.Hello;
    this.state = State.Closed;
    if (!wasOpen || this.isStalled) this.socket.destroy();
    else this.socket.end(CLOSE_NORMAL, () => this.socket.destroy());
  }

  /** Breaks the connection as a network failure does, by a TCP reset without a close frame, and forgets it. */
  cut(): void {
    if (this.state === State.Closed) return;
    this.state = State.Closed;
    this.socket.resetAndDestroy();
  }

  /** Gives up a connection that did not open in time. */
  abandon(reason: string): void {
    this.broken(reason, undefined);
  }

  message(bytes: Uint8Array, at: number, available: number, length: number): void {
    if (bytes[at] === STAMP_MARK && this.state === State.Open && length > 0) {
      this.owner.stamped(this, bytes, at);
      return;
    }
    this.enveloped(bytes, at, available);
  }

  control(opcode: number, payload: Uint8Array): void {
    if (opcode === OPCODE_PING) this.socket.write(pongFrame(payload));
    if (opcode !== OPCODE_CLOSE) return;
    this.closeCode = payload.length >= 2 ? ((payload[0] as number) << 8) | (payload[1] as number) : 1005;
    this.broken(`closed with ${this.closeCode}`, undefined);
  }

  violation(reason: string): void {
    this.closeCode = 1002;
    this.broken(reason, undefined);
  }

  /** A message that does not begin with a stamp: one with an envelope around the stamp, or one of the server's own. */
  private enveloped(bytes: Uint8Array, at: number, available: number): void {
    const head = Math.min(available, this.rules.headBytes);
    const mark = this.state === State.Open ? indexOfMark(bytes, at, at + head) : -1;
    if (mark >= 0) {
      this.owner.stamped(this, bytes, mark);
      return;
    }
    if (this.state !== State.Open && this.state !== State.Hello) return;
    const verdict = this.rules.judge(Buffer.from(bytes.subarray(at, at + head)).toString('latin1'));
    if (verdict.kind === 'answer') this.socket.write(verdict.frame);
    else if (verdict.kind === 'refused') this.broken(verdict.reason, undefined);
    else if (verdict.kind === 'ready' && this.state === State.Hello) this.open();
  }

  private openTcp(endpoint: Endpoint, source: SourceAddress): Socket {
    return connectTcp({
      host: endpoint.host,
      port: endpoint.port,
      noDelay: true,
      ...source,
      onread: {
        buffer: readBuffer,
        callback: (bytes: number) => {
          this.received(readBuffer, bytes);
          return !this.isStalled;
        },
      },
    });
  }

  private openTls(endpoint: Endpoint, source: SourceAddress): Socket {
    const socket = connectTls({
      host: endpoint.host,
      port: endpoint.port,
      servername: endpoint.servername as string,
      rejectUnauthorized: !endpoint.isInsecureAllowed,
      ...source,
    });
    socket.on('data', (chunk) => this.received(chunk, chunk.length));
    socket.setNoDelay(true);
    return socket;
  }

  private received(chunk: Buffer, bytes: number): void {
    this.turns.enter();
    if (this.state === State.Handshake) this.handshake(chunk, bytes);
    else if (this.state !== State.Closed) this.reader.read(chunk, 0, bytes);
  }

  private handshake(chunk: Buffer, bytes: number): void {
    const before = this.response.length;
    this.response += chunk.toString('latin1', 0, bytes);
    const outcome = judgeResponse(this.response);
    if (outcome.kind === 'incomplete') return;
    this.response = '';
    if (outcome.kind === 'refused') {
      this.broken(outcome.reason, undefined);
      return;
    }
    if (this.hello === undefined) this.open();
    else {
      this.state = State.Hello;
      this.socket.write(this.hello);
    }
    this.reader.read(chunk, outcome.headerBytes - before, bytes);
  }

  private open(): void {
    this.state = State.Open;
    this.owner.opened(this);
  }

  private broken(reason: string, code: string | undefined): void {
    if (this.state === State.Closed) return;
    const wasOpen = this.state === State.Open;
    this.state = State.Closed;
    this.socket.destroy();
    if (wasOpen) this.owner.closedByServer(this, this.closeCode);
    else this.owner.failed(this, reason, code);
  }
}

function indexOfMark(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    if (bytes[i] === STAMP_MARK) return i;
  }
  return -1;
}

// The suite's relay: it speaks fanwire.v1 as in docs/protocol.md, unless a scenario makes it behave differently.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Position } from '../../src/protocol/ops.js';
import { type StoredMessage, SuiteTopic } from './topic.js';

/** What happens to an attempt to connect. */
export type Door =
  | 'open'
  | 'hang'
  | 'cut'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly close: number; readonly reason: string };

export interface Attempt {
  readonly atMs: number;
  readonly protocols: readonly string[];
  readonly url: string;
}

/** An op from the client, as received. */
export interface Said {
  readonly op: string;
  readonly id?: string | number;
  readonly topic?: string;
  readonly since?: Position;
  readonly rewind?: number;
  readonly data?: unknown;
  readonly encoding?: 'base64';
  readonly pid?: string;
  readonly repeat?: number;
  readonly token?: string;
  readonly atMs: number;
}

export class FaultyRelay {
  readonly attempts: Attempt[] = [];
  /** Connections that were accepted, in order. */
  readonly connections: FaultyConnection[] = [];
  readonly topics = new Map<string, SuiteTopic>();
  door: (attempt: Attempt, index: number) => Door = () => 'open';
  hello: Record<string, unknown> = { limits: { maxPayload: 65_536 }, dedupMs: 120_000 };
  /** Sees each op before the relay does; returns true if the relay must not handle it. */
  hear: (op: Said, connection: FaultyConnection) => boolean = () => false;
  /** Cuts a connection after the relay has sent this many more frames. */
  cutAfter = Number.POSITIVE_INFINITY;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly changed: () => void,
  ) {}

  static async start(changed: () => void): Promise<FaultyRelay> {
    const server = createServer((_request, response) => response.writeHead(426).end());
    const relay = new FaultyRelay(server, changed);
    const upgrades = new WebSocketServer({ noServer: true, handleProtocols: () => 'fanwire.v1' });
    server.on('connection', (socket) => {
      relay.sockets.add(socket);
      socket.on('error', () => {}).once('close', () => relay.sockets.delete(socket));
    });
    server.on('upgrade', (request, socket, head) => relay.answerAt(upgrades, request, socket as Socket, head));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return relay;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  /** The newest accepted connection. */
  get last(): FaultyConnection | undefined {
    return this.connections.at(-1);
  }

  /** All ops of one kind, over all connections. */
  said(op: string, topic?: string): Said[] {
    const all = this.connections.flatMap(({ ops }) => ops);
    return all.filter((said) => said.op === op && (topic === undefined || said.topic === topic));
  }

  topic(name: string): SuiteTopic {
    const topic = this.topics.get(name) ?? new SuiteTopic();
    this.topics.set(name, topic);
    return topic;
  }

  /** Publishes a message from another client, or from `publisher`, which does not receive it itself. */
  publish(name: string, message: Omit<StoredMessage, 'seq'>, publisher?: FaultyConnection): StoredMessage {
    const kept = this.topic(name).keep(message);
    for (const connection of this.connections) {
      if (connection !== publisher && connection.topics.has(name)) connection.message(name, kept);
    }
    return kept;
  }

  cutAll(): void {
    for (const connection of this.connections) connection.cut();
  }

  stop(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private answerAt(upgrades: WebSocketServer, request: IncomingMessage, socket: Socket, head: Buffer): void {
    const protocols = String(request.headers['sec-websocket-protocol'] ?? '').split(/, */);
    const attempt = { atMs: performance.now(), protocols, url: request.url ?? '' };
    const door = this.door(attempt, this.attempts.push(attempt) - 1);
    this.changed();
    if (door === 'hang') return;
    if (door === 'cut') socket.destroy();
    else if (typeof door === 'object' && 'status' in door) {
      const headers = { 'Content-Length': '0', FaultyConnection: 'close', ...door.headers };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(`HTTP/1.1 ${door.status} Refused\r\n${lines.join('')}\r\n`);
    } else {
      upgrades.handleUpgrade(request, socket, head, (websocket) => {
        const connection = new FaultyConnection(websocket, socket, this, this.changed);
        this.connections.push(connection);
        if (door === 'open') connection.say({ op: 'hello', ...this.hello });
        else connection.close(door.close, door.reason);
        this.changed();
      });
    }
  }
}

export class FaultyConnection {
  readonly ops: Said[] = [];
  readonly topics = new Set<string>();
  /** When it ended, on the clock of performance.now(). */
  endedAtMs: number | undefined;
  private isFrozen = false;

  constructor(
    private readonly websocket: WebSocket,
    private readonly socket: Socket,
    private readonly relay: FaultyRelay,
    changed: () => void,
  ) {
    websocket.on('message', (bytes) => {
      if (this.isFrozen) return;
      const op = { ...JSON.parse(String(bytes)), atMs: performance.now() } as Said;
      this.ops.push(op);
      if (!relay.hear(op, this)) this.handle(op);
      changed();
    });
    websocket.on('error', () => {});
    websocket.once('close', () => {
      this.endedAtMs = performance.now();
      this.topics.clear();
      changed();
    });
  }

  /** Handles an op as the relay normally does. */
  handle(op: Said): void {
    const answer = this.take(op);
    if (answer !== undefined) this.say(answer);
    if (op.op === 'sub') this.join(op);
  }

  /** Sends a frame: an object as JSON, a text or bytes unchanged. */
  say(frame: object | string): void {
    if (this.isFrozen || this.endedAtMs !== undefined) return;
    const isRaw = typeof frame === 'string' || Buffer.isBuffer(frame);
    const isLast = --this.relay.cutAfter === 0;
    this.websocket.send(isRaw ? frame : JSON.stringify(frame), () => isLast && this.cut());
    if (isLast) this.isFrozen = true;
  }

  message(topic: string, kept: StoredMessage): void {
    const { pid: _onlyInReplays, ...message } = kept;
    this.say({ op: 'msg', topic, ...message });
  }

  /** Ends the TCP connection without a close frame. */
  cut(): void {
    this.isFrozen = true; // ignores ops that were already read
    this.topics.clear();
    this.socket.destroy();
  }

  /** Sends the first bytes of a 120-byte frame, then cuts. */
  cutInFrame(): void {
    this.socket.write(Buffer.from([0x81, 120, 0x7b, 0x22]), () => this.cut());
  }

  close(code: number, reason: string): void {
    this.websocket.close(code, reason);
  }

  /** Stops reading and sending, but keeps the connection open. */
  freeze(): void {
    this.isFrozen = true;
    this.websocket.pause();
  }

  /** Carries out an op; returns its answer. */
  take(op: Said): Record<string, unknown> | undefined {
    const { id, topic = '' } = op;
    const ids = id === undefined ? {} : { id };
    if (op.op === 'ping') return { op: 'pong', ...ids };
    if (op.op === 'unsub') this.topics.delete(topic);
    if (op.op === 'sub') return undefined;
    if (op.op === 'pub') {
      const { data, encoding, pid } = op;
      const known = pid === undefined ? undefined : this.relay.topic(topic).kept.find((kept) => kept.pid === pid);
      const message = { data, ...(encoding && { encoding }), ...(pid !== undefined && { pid }) };
      const { seq } = known ?? this.relay.publish(topic, message, this);
      return id === undefined ? undefined : { op: 'ok', id, seq };
    }
    return id === undefined ? undefined : { op: 'ok', id, topic };
  }

  private join({ id, topic = '', since, rewind }: Said): void {
    const { answer, replay } = this.relay.topic(topic).join(since, rewind);
    this.say({ op: 'ok', ...(id !== undefined && { id }), topic, ...answer });
    for (const kept of replay) this.say({ op: 'msg', topic, ...kept });
    this.topics.add(topic);
  }
}

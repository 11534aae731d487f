// The relay: its sockets' lives from upgrade to close, on one uWS App.
import type { RelayConfig } from '../config/schema.js';
import { type Logger, sampledWarnings } from '../log.js';
import { Close, FanwireError, type Refusal } from '../protocol/codes.js';
import { Connection, type SocketState } from './connection.js';
import { Counters, type CutReason } from './counters.js';
import { closeSpread } from './drain.js';
import { FanOut } from './fanout.js';
import { writeRefusal } from './refuse.js';
import { SlowConsumers } from './slow.js';
import { TopicTable } from './topic.js';
import { checkHandshake } from './upgrade.js';
import {
  App,
  DEDICATED_COMPRESSOR_4KB,
  DEDICATED_DECOMPRESSOR,
  DISABLED,
  type HttpResponse,
  listenExclusively,
  SHARED_COMPRESSOR,
  SHARED_DECOMPRESSOR,
  SSLApp,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  us_socket_local_port,
} from './uws.js';

const COMPRESSION = {
  off: DISABLED,
  shared: SHARED_COMPRESSOR | SHARED_DECOMPRESSOR,
  dedicated: DEDICATED_COMPRESSOR_4KB | DEDICATED_DECOMPRESSOR,
};

/** uWS cuts a socket over its own limit without a close frame; up to this size the relay reads on and closes with 1009. */
const READ_FOR_CLOSE_BYTES = 1024 * 1024;

/** What uWS gives as the reason of a close that it made itself, and what that is called here. */
const CUT_REASONS: Record<string, CutReason> = {
  'Received too big message': 'tooBig',
  'Received too big message, or other inflation error': 'tooBig',
  'Received invalid UTF-8': 'badUtf8',
  'WebSocket timed out from inactivity': 'idle',
  'Received invalid WebSocket frame': 'protocol',
  'Received invalid close payload': 'protocol',
};

export interface Relay {
  readonly port: number;
  readonly counters: Counters;
  readonly topics: TopicTable;
  readonly connections: ReadonlyMap<string, Connection>;
  readonly slow: SlowConsumers;
  /** Fans `message` out on a topic as if a client without a socket had sent it. Returns how many subscribers it went to. */
  publish(topic: string, message: ArrayBuffer | Uint8Array, isBinary: boolean): number;
  /** Stops accepting and closes every socket with 1012, spread over `drainMs`. Resolves when the last was told. */
  drain(): Promise<void>;
  /** Cuts what is left, at once. */
  close(): void;
}

export async function startRelay(config: RelayConfig, log: Logger): Promise<Relay> {
  const relay = new UwsRelay(config, log);
  await relay.listen();
  return relay;
}

class UwsRelay implements Relay {
  port = 0;
  readonly counters = new Counters();
  readonly topics = new TopicTable();
  readonly connections = new Map<string, Connection>();
  readonly slow: SlowConsumers;
  private readonly config: RelayConfig;
  private readonly log: Logger;
  private readonly warnings: ReturnType<typeof sampledWarnings>;
  private readonly app: TemplatedApp;
  private readonly fanOut: FanOut;
  private listenSocket: us_listen_socket | undefined;
  private draining = false;
  private nextId = 1;

  constructor(config: RelayConfig, log: Logger) {
    this.config = config;
    this.log = log;
    this.warnings = sampledWarnings(log);
    this.app = makeApp(config);
    this.slow = new SlowConsumers(
      config.maxBackpressureBytes,
      config.maxPayloadBytes,
      config.slowConsumer,
      this.counters,
      {
        closed: (connection, bufferedBytes) => this.warnSlow('slow consumer closed', connection, bufferedBytes),
        lagging: (connection, bufferedBytes) => this.warnSlow('slow consumer dropping', connection, bufferedBytes),
        recovered: (connection, audience, lost) =>
          this.warnings.warn('slow consumer recovered', { id: connection.id, topic: audience.key, lost }),
      },
    );
    this.fanOut = new FanOut(this.app, this.slow, this.counters, config.compression !== 'off');
    this.route();
  }

  listen(): Promise<void> {
    const { host, port } = this.config;
    return new Promise((resolve, reject) => {
      listenExclusively(this.app, host, port, (socket) => {
        if (socket === false) {
          reject(
            new FanwireError(
              'FANWIRE_LISTEN',
              `cannot listen on ${host}:${port}: the port is in use or the address is not this machine's; ` +
                'stop what has it, or choose another with --port (0 takes any free one) or --host',
            ),
          );
          return;
        }
        this.listenSocket = socket;
        this.port = us_socket_local_port(socket as never);
        const scheme = this.config.tlsCert === '' ? 'ws' : 'wss';
        const shown = host.includes(':') ? `[${host}]` : host;
        this.log.info({ host, port: this.port }, `listening on ${scheme}://${shown}:${this.port}`);
        resolve();
      });
    });
  }

  publish(topicName: string, message: ArrayBuffer | Uint8Array, isBinary: boolean): number {
    this.counters.published++;
    this.counters.bytesIn += message.byteLength;
    const topic = this.topics.find(topicName);
    if (topic === undefined) return 0;
    this.fanOut.publish(topic.raw, undefined, message, isBinary);
    return topic.subscribers;
  }

  async drain(): Promise<void> {
    if (this.draining) return;
    this.draining = true;
    if (this.listenSocket !== undefined) us_listen_socket_close(this.listenSocket);
    this.listenSocket = undefined;
    this.log.info({ connections: this.connections.size, overMs: this.config.drainMs }, 'closing sockets');
    await closeSpread(this.connections.values(), this.config.drainMs, this.fanOut.flush);
    this.warnings.flush();
  }

  close(): void {
    this.draining = true;
    this.fanOut.flush();
    this.app.close();
    this.listenSocket = undefined;
    this.warnings.flush();
  }

  private route(): void {
    const { config, counters, fanOut } = this;
    const { maxPayloadBytes } = config;
    this.app.ws<SocketState>('/*', {
      maxPayloadLength: Math.max(READ_FOR_CLOSE_BYTES, maxPayloadBytes),
      maxBackpressure: this.slow.hardLimitBytes,
      idleTimeout: config.idleTimeoutS,
      // With a timeout of 0 uWS would compute a ping interval below zero.
      sendPingsAutomatically: config.idleTimeoutS > 0,
      maxLifetime: config.maxLifetimeMin,
      compression: COMPRESSION[config.compression],
      upgrade: (res, req, context) => {
        const handshake = this.draining ? DRAINING : checkHandshake(req);
        const refusal = 'status' in handshake ? handshake : this.overLimit();
        if (refusal !== undefined || 'status' in handshake) {
          this.refuse(res, refusal ?? (handshake as Refusal));
          return;
        }
        const address = Buffer.from(res.getRemoteAddressAsText()).toString();
        // uWS opens the socket inside res.upgrade, so the topic cannot be released in between.
        const topic = this.topics.hold(handshake.topic);
        res.upgrade<SocketState>(
          { connection: new Connection(String(this.nextId++), address, topic, Date.now()) },
          req.getHeader('sec-websocket-key'),
          '',
          req.getHeader('sec-websocket-extensions'),
          context,
        );
      },
      open: (ws) => {
        const { connection } = ws.getUserData();
        connection.ws = ws;
        this.connections.set(connection.id, connection);
        counters.opened++;
        const { raw } = connection.topic;
        raw.subscribers.add(connection);
        ws.subscribe(raw.key);
      },
      message: (ws, message, isBinary) => {
        const { connection } = ws.getUserData();
        const size = message.byteLength;
        if (size > maxPayloadBytes) {
          this.closeTooBig(connection, size);
          return;
        }
        connection.published++;
        counters.published++;
        counters.bytesIn += size;
        fanOut.publish(connection.topic.raw, connection, message, isBinary);
      },
      drain: (ws) => this.slow.onDrain(ws.getUserData().connection),
      close: (ws, code, reason) => {
        const { connection } = ws.getUserData();
        connection.ws = undefined;
        this.connections.delete(connection.id);
        counters.closed++;
        this.slow.onClose(connection);
        connection.topic.raw.subscribers.delete(connection);
        this.topics.releaseIfEmpty(connection.topic);
        if (code === 1006 && reason.byteLength > 0) this.onCut(connection, Buffer.from(reason).toString());
      },
    });
    this.app.any('/*', (res, req) => {
      const method = req.getMethod().toUpperCase();
      const url = req.getUrl();
      this.refuse(res, method === 'GET' ? NOT_AN_UPGRADE : noRoute(method, url));
    });
  }

  private overLimit(): Refusal | undefined {
    const { maxConnections } = this.config;
    if (maxConnections === 0 || this.connections.size < maxConnections) return undefined;
    return {
      status: 503,
      code: 'FANWIRE_MAX_CONNECTIONS',
      message: `the relay has its ${maxConnections} connections; try again later`,
      retryAfterS: 5,
    };
  }

  private refuse(res: HttpResponse, refusal: Refusal): void {
    this.counters.refuse(refusal.code);
    this.warnings.warn('request refused', { code: refusal.code, status: refusal.status, reason: refusal.message });
    writeRefusal(res, refusal);
  }

  private closeTooBig(connection: Connection, size: number): void {
    this.counters.cut.tooBig++;
    this.warnings.warn('message too big', { id: connection.id, bytes: size, limit: this.config.maxPayloadBytes });
    connection.ws?.end(Close.tooBig, `a message is at most ${this.config.maxPayloadBytes} bytes, got ${size}`);
  }

  private onCut(connection: Connection, uwsReason: string): void {
    const reason = CUT_REASONS[uwsReason];
    if (reason === undefined) return;
    this.counters.cut[reason]++;
    this.warnings.warn('connection cut', { id: connection.id, reason: uwsReason });
  }

  private warnSlow(kind: string, connection: Connection, bufferedBytes: number): void {
    this.warnings.warn(kind, {
      id: connection.id,
      address: connection.remoteAddress,
      topic: connection.topic.name,
      bufferedBytes,
    });
  }
}

const DRAINING: Refusal = {
  status: 503,
  code: 'FANWIRE_DRAINING',
  message: 'the relay is shutting down; reconnect to another',
  retryAfterS: 1,
};

const NOT_AN_UPGRADE: Refusal = {
  status: 426,
  code: 'FANWIRE_UPGRADE_REQUIRED',
  message: 'this is a WebSocket endpoint: open ws://…/<topic>, for example with `fanwire sub`',
};

function noRoute(method: string, url: string): Refusal {
  return { status: 404, code: 'FANWIRE_NO_ROUTE', message: `nothing answers ${method} ${JSON.stringify(url)}` };
}

function makeApp(config: RelayConfig): TemplatedApp {
  if (config.tlsCert === '') return App();
  try {
    return SSLApp({ cert_file_name: config.tlsCert, key_file_name: config.tlsKey });
  } catch (error) {
    throw new FanwireError(
      'FANWIRE_TLS',
      `--tls-cert ${config.tlsCert} and --tls-key ${config.tlsKey} are not a usable PEM certificate and its key: ` +
        `${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

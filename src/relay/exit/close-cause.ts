// Who ended a WebSocket that closes with 1006 and no reason: its client, or uWS for an invalid frame. Node 20's build of uWS does not say
// (22's and 24's give a reason), so it is found out: uWS holds its loop's only cork while it reads a socket's bytes, and so while it closes
// one for them, but not while it closes one whose client has gone. A write to another socket then goes out at once where the cork is held,
// and else at the end of that socket's own. That other socket is a WebSocket of this process to itself.
import { readSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { utf8 } from '../bytes.js';
import {
  App,
  listenExclusively,
  type TemplatedApp,
  us_listen_socket_close,
  us_socket_local_port,
  type WebSocket,
} from '../uws.js';

/** A look costs about 20 µs: where thousands of clients go at once, not every one is worth it. */
const MAX_LOOKS_PER_SECOND = 1000;

const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: itself\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

const NOTHING = new Uint8Array(0);
const seen = Buffer.alloc(64);

export class CloseCause {
  /** For a uWS that says why it closes. */
  static readonly told = new CloseCause(undefined, undefined, undefined);

  private second = 0;
  private looks = 0;
  private hasArrived = false;

  private constructor(
    private app: TemplatedApp | undefined,
    private readonly ws: WebSocket<object> | undefined,
    private readonly client: Socket | undefined,
  ) {}

  static open(): Promise<CloseCause> {
    return new Promise((resolve, reject) => {
      const app = App();
      let ws: WebSocket<object>;
      app.ws<object>(utf8('/*'), {
        maxPayloadLength: 16,
        maxBackpressure: 1024,
        idleTimeout: 0,
        sendPingsAutomatically: false,
        maxLifetime: 0,
        compression: 0,
        upgrade: (res, req, context) => {
          const key = req.getHeader(utf8('sec-websocket-key'));
          res.upgrade({}, utf8(key), NOTHING, NOTHING, context);
        },
        open: (opened) => {
          ws = opened;
        },
        message: () => {},
      });
      listenExclusively(app, '127.0.0.1', 0, (listening) => {
        if (listening === false) {
          reject(new Error('cannot listen on 127.0.0.1'));
          return;
        }
        const client = connect(us_socket_local_port(listening as never), '127.0.0.1', () => client.write(HANDSHAKE));
        client.once('data', () => {
          us_listen_socket_close(listening);
          // From here on only `look` reads it.
          client.pause();
          client.unref();
          resolve(new CloseCause(app, ws, client));
        });
        client.on('error', reject);
      });
    });
  }

  /** Within a close handler: whether uWS is closing the socket for what its client sent. False where that is not known. */
  isFrame(): boolean {
    const { ws } = this;
    if (ws === undefined || this.app === undefined || !this.mayLook()) return false;
    ws.cork(this.look);
    // Where it was not held, what was written has gone out by now, and must not be taken for the next.
    if (!this.hasArrived) this.read();
    return this.hasArrived;
  }

  close(): void {
    this.client?.destroy();
    this.app?.close();
    this.app = undefined;
  }

  private readonly look = (): void => {
    this.ws?.send(NOTHING, true);
    this.hasArrived = this.read() > 0;
  };

  private read(): number {
    const { fd } = (this.client as unknown as { _handle: { fd: number } })._handle;
    try {
      return readSync(fd, seen);
    } catch {
      return 0; // EAGAIN: nothing there
    }
  }

  private mayLook(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) this.looks = 0;
    this.second = second;
    return ++this.looks <= MAX_LOOKS_PER_SECOND;
  }
}

// Who ended a WebSocket that closes with 1006 and no reason: its client, or uWS for an invalid frame. Node 20's build
// of uWS does not say (22's and 24's give a reason), so this tests it. uWS holds its loop's only cork while it reads a
// socket's bytes, and so while it closes a socket for them, but not while it closes one whose client has gone. What
// another socket sends within a cork of its own goes out at once if the loop's cork is held, else only when its own
// cork ends. That other socket is a WebSocket of this process to itself, over a Unix socket: what is written there can
// be read at once, while a busy kernel may delay loopback TCP.
import { randomBytes } from 'node:crypto';
import { readSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '../bytes.js';
import { App, type TemplatedApp, us_listen_socket_close, type WebSocket } from '../uws.js';

/** A test costs 12 µs: if thousands of clients leave at once, not every one is tested. */
const MAX_LOOKS_PER_SECOND = 1000;

/** The longest path of a Unix socket (macOS; Linux takes 107). uWS copies a longer one beyond its memory. */
const MAX_PATH_BYTES = 103;

const NOTHING = new Uint8Array(0);
const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: itself\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

/** A WebSocket and its other end, which only `look` and `read` use. */
interface Witness {
  readonly app: TemplatedApp;
  readonly ws: WebSocket<object>;
  readonly client: Socket;
  /** The client's descriptor. */
  readonly fd: number;
}

export class CloseCause {
  /** For a uWS that gives a reason itself. */
  static readonly told = new CloseCause(undefined);

  private second = 0;
  private looks = 0;
  private hasArrived = false;
  private readonly arrived = Buffer.alloc(64);

  private constructor(private witness: Witness | undefined) {}

  /** Without a Unix socket in the folder for temporary files, the result knows no causes. */
  static async open(): Promise<CloseCause> {
    const name = `fanwire-${randomBytes(8).toString('hex')}.sock`;
    const paths = [tmpdir(), '/tmp'].map((folder) => join(folder, name));
    const path = paths.find((each) => Buffer.byteLength(each) <= MAX_PATH_BYTES);
    return new CloseCause(path === undefined ? undefined : await openWitness(path));
  }

  /** Call it in a close handler: whether uWS is closing the socket for what its client sent. False if that is not
   *  known. */
  isFrame(): boolean {
    if (this.witness === undefined || !this.mayLook()) return false;
    this.witness.ws.cork(this.look);
    // If the cork was free, what was sent arrives only now: read it, so that it is not taken for the next one.
    if (!this.hasArrived) this.read();
    return this.hasArrived;
  }

  close(): void {
    this.witness?.client.destroy();
    this.witness?.app.close();
    this.witness = undefined;
  }

  private readonly look = (): void => {
    this.witness?.ws.send(NOTHING, true);
    this.hasArrived = this.read() > 0;
  };

  private read(): number {
    try {
      return readSync((this.witness as Witness).fd, this.arrived);
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

function openWitness(path: string): Promise<Witness | undefined> {
  return new Promise((resolve) => {
    const app = App();
    let ws: WebSocket<object>;
    const fail = (): void => {
      rmSync(path, { force: true });
      app.close();
      resolve(undefined);
    };
    app.ws<object>(utf8('/*'), {
      maxPayloadLength: 16,
      maxBackpressure: 1024,
      idleTimeout: 0,
      sendPingsAutomatically: false,
      maxLifetime: 0,
      compression: 0,
      upgrade: (res, req, context) => {
        res.upgrade({}, utf8(req.getHeader(utf8('sec-websocket-key'))), NOTHING, NOTHING, context);
      },
      open: (opened) => {
        ws = opened;
      },
      message: () => {},
    });
    app.listen_unix((listening) => {
      if (listening === false) {
        fail();
        return;
      }
      const client = connect(path, () => client.write(HANDSHAKE));
      client.once('error', fail);
      client.once('data', () => {
        us_listen_socket_close(listening);
        rmSync(path, { force: true });
        client.pause();
        client.unref();
        client.on('error', () => {});
        const { fd } = (client as unknown as { _handle: { fd: number } })._handle;
        resolve({ app, ws, client, fd });
      });
    }, utf8(path));
  });
}

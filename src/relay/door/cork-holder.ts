// Works around a bug of uWS 20.5x and older (fixed by its pull request 1929, not yet in the build used here): when
// `res.upgrade` runs inside `res.cork` after an await, cork() then reads the new WebSocket's memory as if it still were
// the HTTP response's, and closes it if certain bits are set. Measured here: 1 of 24 first connections, later about 1
// of 10,000.
//
// Without a cork the upgrade is correct, but the binding prints a warning each time. It does not while any other
// response is corked, so one response to an own request is kept pending, on a private listener that closes once it has
// that request. The answer is then sent in 24 small sends instead of one, about 100 µs a handshake, so only upgrades
// after an await use this.
import { connect, type Socket } from 'node:net';
import { utf8 } from '../bytes.js';
import {
  App,
  type HttpResponse,
  listenExclusively,
  type TemplatedApp,
  us_listen_socket_close,
  us_socket_local_port,
} from '../uws.js';

export class CorkHolder {
  /** For a relay that upgrades without an await. */
  static readonly none = new CorkHolder(undefined, undefined, undefined);

  private constructor(
    private app: TemplatedApp | undefined,
    private readonly client: Socket | undefined,
    private holder: HttpResponse | undefined,
  ) {}

  static open(): Promise<CorkHolder> {
    return new Promise((resolve, reject) => {
      let client: Socket;
      let cork: CorkHolder | undefined;
      const app = App();
      app.any(utf8('/*'), (res) => {
        res.onAborted(() => {
          if (cork !== undefined) cork.holder = undefined;
        });
        cork = new CorkHolder(app, client, res);
        resolve(cork);
      });
      listenExclusively(app, '127.0.0.1', 0, (listening) => {
        if (listening === false) {
          reject(new Error('cannot listen on 127.0.0.1'));
          return;
        }
        client = connect(us_socket_local_port(listening as never), '127.0.0.1', () => {
          us_listen_socket_close(listening);
          client.write('GET / HTTP/1.1\r\nHost: cork\r\n\r\n');
        });
        client.on('error', reject);
        client.unref();
      });
    });
  }

  /** Runs `upgrade`, which calls `res.upgrade`, where that is safe. If the holder is gone, runs it in `res.cork`, as
   *  uWS intends. */
  run(res: HttpResponse, upgrade: () => void): void {
    (this.holder ?? res).cork(upgrade);
  }

  close(): void {
    this.holder = undefined;
    this.client?.destroy();
    this.app?.close();
    this.app = undefined;
  }
}

// Where a relay listens. It has one uWS App, and after a certificate renewal the previous App as well: uWS reads a
// certificate when an App is made, so new clients get a new App on the same port, and open sockets stay on their App
// until they close.
import type { RelayConfig } from '../config/schema.js';
import { makeApp } from './app.js';
import { cannotListen, whyCannotListen } from './listening.js';
import {
  listenExclusively,
  listenShared,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  us_socket_local_port,
} from './uws.js';

/** An App and its WebSockets. */
export interface Gate {
  readonly app: TemplatedApp;
  sockets: number;
}

export type Routes = (gate: Gate) => void;

const FREE_PORT_ATTEMPTS = 10;
/** An App without WebSockets stays this long after its successor took the port, for requests that are under way. */
const RETIRE_MS = 10_000;

export class Entrance {
  port = 0;
  private gate: Gate;
  private listenSocket: us_listen_socket | undefined;
  private older: Gate[] = [];
  private readonly routes: Routes[] = [];
  private closed = false;

  /** @param sharesPort whether other threads listen on the same port
   *  @param changed called with the Apps beside the present one whenever they change; undefined if there are none */
  constructor(
    private readonly config: RelayConfig,
    private readonly sharesPort: boolean,
    private readonly changed: (app: TemplatedApp, older: readonly TemplatedApp[] | undefined) => void,
  ) {
    this.gate = { app: makeApp(config), sockets: 0 };
  }

  get app(): TemplatedApp {
    return this.gate.app;
  }

  /** Has `routes` add its routes to the present App, and to each later one. */
  addRoutes(routes: Routes): void {
    this.routes.push(routes);
    routes(this.gate);
  }

  /** @throws FanwireError FANWIRE_LISTEN where the port cannot be had */
  async listen(): Promise<void> {
    const { host, port } = this.config;
    const socket = port === 0 ? this.listenAnywhere() : this.listenOn(this.gate.app, port);
    if (socket === undefined) throw await whyCannotListen(host, port, ['--port', '--host']);
    this.listenSocket = socket;
    this.port = us_socket_local_port(socket as never);
  }

  /** New clients get the certificate and key that the files hold now. If those cannot be used, nothing changes.
   *  @throws FanwireError FANWIRE_TLS, FANWIRE_LISTEN */
  renew(): void {
    if (this.closed || this.listenSocket === undefined) return;
    const before = this.gate;
    const next: Gate = { app: makeApp(this.config), sockets: 0 };
    for (const routes of this.routes) routes(next);
    this.handOver(before.app, next.app);
    this.gate = next;
    this.older.push(before);
    this.tell();
    setTimeout(() => this.retire(before), RETIRE_MS).unref();
  }

  /** A WebSocket of `gate` has closed. */
  left(gate: Gate): void {
    gate.sockets--;
    // Not at once: an App must not close inside one of its own handlers.
    if (gate.sockets === 0 && gate !== this.gate) setImmediate(() => this.retire(gate));
  }

  stopListening(): void {
    if (this.listenSocket !== undefined) us_listen_socket_close(this.listenSocket);
    this.listenSocket = undefined;
  }

  /** Cuts every socket. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.listenSocket = undefined;
    for (const { app } of [this.gate, ...this.older]) app.close();
  }

  /** The port passes from one App to the next inside one turn of the loop: a client that connects in those
   *  microseconds is refused. Where threads share the port, the next App listens before the old one stops. */
  private handOver(from: TemplatedApp, to: TemplatedApp): void {
    const before = this.listenSocket as us_listen_socket;
    if (!this.sharesPort) us_listen_socket_close(before);
    const socket = this.listenOn(to, this.port);
    if (this.sharesPort && socket !== undefined) us_listen_socket_close(before);
    this.listenSocket = socket ?? (this.sharesPort ? before : this.listenOn(from, this.port));
    if (socket !== undefined) return;
    to.close();
    throw cannotListen(this.config.host, this.port, ['--port', '--host']);
  }

  /** Finds a free port, then listens on it by its number: only then does uWS let the port be taken again
   *  (SO_REUSEADDR), as a renewal and the next relay do. If another process takes the port in between, tries another
   *  one. */
  private listenAnywhere(): us_listen_socket | undefined {
    for (let attempt = 0; attempt < FREE_PORT_ATTEMPTS; attempt++) {
      const any = this.listenOn(this.gate.app, 0);
      if (any === undefined) return undefined;
      const port = us_socket_local_port(any as never);
      us_listen_socket_close(any);
      const socket = this.listenOn(this.gate.app, port);
      if (socket !== undefined) return socket;
    }
    return undefined;
  }

  private listenOn(app: TemplatedApp, port: number): us_listen_socket | undefined {
    const listen = this.sharesPort ? listenShared : listenExclusively;
    let listening: us_listen_socket | undefined;
    // Calls back before it returns.
    listen(app, this.config.host, port, (socket) => {
      if (socket !== false) listening = socket;
    });
    return listening;
  }

  private retire(gate: Gate): void {
    const at = this.older.indexOf(gate);
    if (at < 0 || gate.sockets > 0 || this.closed) return;
    this.older.splice(at, 1);
    this.tell();
    gate.app.close();
  }

  private tell(): void {
    this.changed(this.gate.app, this.older.length === 0 ? undefined : this.older.map(({ app }) => app));
  }
}

// The only import of uWebSockets.js. Loads its prebuilt binary, says what to do if none fits, and narrows its types:
// nothing here accepts a JavaScript string (bytes.ts says why).

import type * as Uws from 'uWebSockets.js';
import { createRequire } from 'node:module';
import { type Bytes, utf8 } from './bytes.js';
import { currentPlatform, uwsLoadError } from './uws-load-error.js';

export type { us_listen_socket, us_socket_context_t } from 'uWebSockets.js';

/** A socket between its open and its close event. */
export interface WebSocket<UserData> {
  /** 1: written; 0: it waits in uWS; 2: dropped, since too much waits already. */
  send(message: Bytes, isBinary: boolean, compress?: boolean): number;
  getBufferedAmount(): number;
  ping(): number;
  /** Address of the other end of the connection, which may be a proxy: 4 or 16 bytes. */
  getRemoteAddress(): ArrayBuffer;
  /** Sends a close frame, and calls the close handler before it returns. `reason` has at most 123 bytes:
   *  closeReason(). */
  end(code: number, reason: Bytes): void;
  close(): void;
  subscribe(topic: Bytes): boolean;
  unsubscribe(topic: Bytes): boolean;
  publish(topic: Bytes, message: Bytes, isBinary: boolean, compress?: boolean): boolean;
  cork(write: () => void): unknown;
  getUserData(): UserData;
}

/** Valid until it has ended or was aborted. Outside the route's handler all writes go inside `cork`. */
export interface HttpResponse {
  writeStatus(status: Bytes): HttpResponse;
  writeHeader(name: Bytes, value: Bytes): HttpResponse;
  /** Sends the body, with a Content-Length header. */
  end(body: Bytes, closeConnection?: boolean): unknown;
  /** Sends no Content-Length of its own. A length passed here would leave the answer open in Node 20's build. */
  endWithoutBody(): unknown;
  close(): unknown;
  cork(write: () => void): unknown;
  /** Stops reading, and goes on. Either call restarts the timeout of a request that is still being read (about 10
   *  s). */
  pause(): unknown;
  resume(): unknown;
  onAborted(handler: () => void): unknown;
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): unknown;
  getRemoteAddress(): ArrayBuffer;
  getProxiedRemoteAddress(): ArrayBuffer;
  /** Bytes of the body of the last answer on this connection. */
  getWriteOffset(): number;
  upgrade<UserData>(
    state: UserData,
    key: Bytes,
    protocol: Bytes,
    extensions: Bytes,
    context: Uws.us_socket_context_t,
  ): void;
}

/** Valid until the route's handler returns or awaits. Its strings are correct in every build. */
export interface HttpRequest {
  /** Empty if there is none; the first if there are several. */
  getHeader(lowerCaseName: Bytes): string;
  getUrl(): string;
  getMethod(): string;
  /** The raw text after the `?`. */
  getQuery(): string;
  forEach(each: (lowerCaseName: string, value: string) => void): void;
}

export interface WebSocketBehavior<UserData> {
  maxPayloadLength: number;
  maxBackpressure: number;
  idleTimeout: number;
  sendPingsAutomatically: boolean;
  maxLifetime: number;
  compression: number;
  upgrade(res: HttpResponse, req: HttpRequest, context: Uws.us_socket_context_t): void;
  open(ws: WebSocket<UserData>): void;
  message(ws: WebSocket<UserData>, message: ArrayBuffer, isBinary: boolean): void;
  ping?(ws: WebSocket<UserData>, message: ArrayBuffer): void;
  pong?(ws: WebSocket<UserData>, message: ArrayBuffer): void;
  drain?(ws: WebSocket<UserData>): void;
  close?(ws: WebSocket<UserData>, code: number, reason: ArrayBuffer): void;
}

export interface TemplatedApp {
  any(pattern: Bytes, handler: (res: HttpResponse, req: HttpRequest) => void): TemplatedApp;
  ws<UserData>(pattern: Bytes, behavior: WebSocketBehavior<UserData>): TemplatedApp;
  publish(topic: Bytes, message: Bytes, isBinary: boolean, compress?: boolean): boolean;
  /** Called for each HTTP connection that opens (1) and closes (-1). The close of an upgraded one is not reported. */
  filter(handler: (res: HttpResponse, change: number) => void): TemplatedApp;
  /** Host, port and listen options. */
  listen(host: Bytes, port: number, options: number, listening: Listening): unknown;
  listen_unix(listening: Listening, path: Bytes): unknown;
  close(): unknown;
}

export interface TlsFiles {
  readonly cert_file_name: Bytes;
  readonly key_file_name: Bytes;
}

function load(): typeof Uws {
  if (process.versions.bun !== undefined) throw uwsLoadError('Bun does not load it', currentPlatform());
  try {
    return createRequire(import.meta.url)('uWebSockets.js') as typeof Uws;
  } catch (cause) {
    throw uwsLoadError(cause, currentPlatform());
  }
}

// uWS reads this once, when its binary loads. Its default of 4096 bytes for all headers of a request is too little for
// a token (MAX_TOKEN_BYTES) beside cookies and what proxies add. It also bounds what a slow-loris client can make the
// relay hold.
process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= '16384';
const uws = load();

export const App = uws.App as unknown as () => TemplatedApp;
export const SSLApp = uws.SSLApp as unknown as (files: TlsFiles) => TemplatedApp;
/** Whether the close handler gets the reason for which uWS closed a socket: Node 20's build (ABI 115) gives it for
 *  some reasons only. */
export const SAYS_WHY_IT_CLOSES = Number(process.versions.modules) >= 127;

export const us_listen_socket_close = uws.us_listen_socket_close;
export const us_socket_local_port = uws.us_socket_local_port;
export const DISABLED = uws.DISABLED;
export const SHARED_COMPRESSOR = uws.SHARED_COMPRESSOR;
export const SHARED_DECOMPRESSOR = uws.SHARED_DECOMPRESSOR;
export const DEDICATED_COMPRESSOR_4KB = uws.DEDICATED_COMPRESSOR_4KB;
export const DEDICATED_DECOMPRESSOR = uws.DEDICATED_DECOMPRESSOR;

/** Listens on `host:port`, and calls back with false if another process has the port. uWS's default is SO_REUSEPORT,
 *  with which two relays would share a port without notice. */
export function listenExclusively(app: TemplatedApp, host: string, port: number, listening: Listening): void {
  app.listen(utf8(host), port, 1 /* LIBUS_LISTEN_EXCLUSIVE_PORT */, listening);
}

/** Listens on `host:port` beside other threads that do the same (SO_REUSEPORT): the kernel spreads connections over
 *  them. */
export function listenShared(app: TemplatedApp, host: string, port: number, listening: Listening): void {
  app.listen(utf8(host), port, 0 /* LIBUS_LISTEN_DEFAULT */, listening);
}

type Listening = (socket: Uws.us_listen_socket | false) => void;

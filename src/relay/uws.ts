// The only import of uWebSockets.js: loads its prebuilt binary, and says what to do where there is none that fits.

import type * as Uws from 'uWebSockets.js';
import { createRequire } from 'node:module';
import { FanwireError } from '../protocol/codes.js';

export type {
  AppOptions,
  CompressOptions,
  HttpRequest,
  HttpResponse,
  RecognizedString,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
  WebSocketBehavior,
} from 'uWebSockets.js';

/** What the running process is, as far as a prebuilt binary has to match it. */
export interface Platform {
  readonly platform: string;
  readonly arch: string;
  readonly node: string;
  readonly abi: string;
  /** glibc's version; undefined on macOS, and on Linux with another libc (Alpine's musl). */
  readonly glibc: string | undefined;
}

function currentPlatform(): Platform {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return {
    platform: process.platform,
    arch: process.arch,
    node: process.versions.node,
    abi: process.versions.modules,
    glibc: report.header?.glibcVersionRuntime,
  };
}

/** The one line (and its mend) for a uWebSockets.js that would not load on `at`, for the reason `cause`. */
export function uwsLoadError(cause: unknown, at: Platform): FanwireError {
  const libc = at.platform === 'linux' ? `, ${at.glibc ? `glibc ${at.glibc}` : 'no glibc (musl?)'}` : '';
  const lines = String(cause instanceof Error ? cause.message : cause).split('\n');
  const reason = lines.findLast((line) => line.trim() !== '') ?? 'unknown';
  return new FanwireError(
    'FANWIRE_UWS_LOAD',
    `uWebSockets.js has no binary that loads on ${at.platform}-${at.arch}, Node ${at.node} (ABI ${at.abi})${libc}. ` +
      'Use Node 20 (glibc 2.27 or newer), Node 22 or 24 (glibc 2.38 or newer: Debian 13, Ubuntu 24.04) or macOS; ' +
      'or swap in an official build that asks for glibc 2.33 only, by one line of package.json: ' +
      `"uWebSockets.js": "github:uNetworking/uWebSockets.js#v20.52.0", then npm install. Reason: ${reason.trim()}`,
  );
}

function load(): typeof Uws {
  try {
    return createRequire(import.meta.url)('uWebSockets.js') as typeof Uws;
  } catch (cause) {
    throw uwsLoadError(cause, currentPlatform());
  }
}

// uWS reads this once, when its binary loads. Its default of 4096 bytes for all headers of a request is less than tokens
// may have (MAX_TOKEN_BYTES), beside cookies and what proxies add. Also what a slow-loris client can make the relay hold.
process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= '16384';
const uws = load();

export const App = uws.App;
export const SSLApp = uws.SSLApp;
export const us_listen_socket_close = uws.us_listen_socket_close;
export const us_socket_local_port = uws.us_socket_local_port;
export const DISABLED = uws.DISABLED;
export const SHARED_COMPRESSOR = uws.SHARED_COMPRESSOR;
export const SHARED_DECOMPRESSOR = uws.SHARED_DECOMPRESSOR;
export const DEDICATED_COMPRESSOR_4KB = uws.DEDICATED_COMPRESSOR_4KB;
export const DEDICATED_DECOMPRESSOR = uws.DEDICATED_DECOMPRESSOR;

/** Listens on `host:port`, and calls back with false where another process has the port: uWS's default is SO_REUSEPORT, with
 *  which two relays would share a port in silence. */
export function listenExclusively(app: Uws.TemplatedApp, host: string, port: number, listening: Listening): void {
  listenOn(app, host, port, 1 /* LIBUS_LISTEN_EXCLUSIVE_PORT */, listening);
}

/** Listens on `host:port` beside other threads that do the same (SO_REUSEPORT): the kernel spreads connections over them. */
export function listenShared(app: Uws.TemplatedApp, host: string, port: number, listening: Listening): void {
  listenOn(app, host, port, 0 /* LIBUS_LISTEN_DEFAULT */, listening);
}

type Listening = (socket: Uws.us_listen_socket | false) => void;

/** The binding takes host, port and options; its types lack that overload. */
function listenOn(app: Uws.TemplatedApp, host: string, port: number, options: number, listening: Listening): void {
  const listen = app.listen as unknown as (...args: [string, number, number, Listening]) => unknown;
  listen.call(app, host, port, options, listening);
}

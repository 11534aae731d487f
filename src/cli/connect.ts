// Opens the WebSocket that `fanwire pub` and `fanwire sub` speak over; every way it can fail is one line.
import type { IncomingMessage } from 'node:http';
import type { Command } from 'commander';
import type { WebSocket } from 'ws';
import { FanwireError } from '../base/error.js';
import { header } from './argument.js';
import { silenceOf, watchPulse } from './pulse.js';

const HANDSHAKE_TIMEOUT_MS = 10_000;
const MAX_REFUSAL_BYTES = 4096;

export interface ConnectOptions {
  /** Of the upgrade request, by name. */
  readonly header?: Readonly<Record<string, string>>;
  /** Accept any certificate. */
  readonly insecure?: boolean;
}

/** The flags of every command that opens a socket. */
export function declareConnectFlags(command: Command): Command {
  return command
    .option('-H, --header <name: value>', 'header of the upgrade request; may be given more than once', header)
    .option('--insecure', 'accept any TLS certificate');
}

/** @throws FanwireError FANWIRE_USAGE_URL */
export function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.hash) {
    throw new FanwireError('FANWIRE_USAGE_URL', `"${text}" has a fragment, which is never sent; write # as %23`);
  }
  if (url && /^(ws|http)s?:$/.test(url.protocol)) {
    // What `new URL` makes of such a path is another one.
    const path = /^[^:]+:\/\/[^/?]*([^?]*)/.exec(text)?.[1] ?? '';
    if (/(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path) || path.includes('\\')) {
      throw new FanwireError(
        'FANWIRE_USAGE_URL',
        `"${text}" has a segment "." or ".." or a backslash, which URLs lose; encode the topic's slashes as %2F`,
      );
    }
    return url;
  }
  const mend = text.includes('://') ? 'give a ws:// or wss:// URL' : `did you mean ws://${text}?`;
  throw new FanwireError('FANWIRE_USAGE_URL', `"${text}" is not a WebSocket URL; ${mend}`);
}

/** The topic that a raw-mode URL subscribes to. */
export function topicOf(url: URL): string {
  const path = url.pathname.slice(1);
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // the relay will refuse it, in its own words
  }
}

async function refusalLine(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of response) {
    body += chunk;
    if (body.length > MAX_REFUSAL_BYTES) break;
  }
  const status = `HTTP ${response.statusCode}`;
  try {
    const { code, message } = (JSON.parse(body) as { error: { code: string; message: string } }).error;
    return `${status} ${code}: ${message}`;
  } catch {
    return `${status} ${response.statusMessage ?? ''}`.trim(); // not our relay, or a proxy in between
  }
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'connection refused; does a relay listen there?',
  ENOTFOUND: 'no such host',
  ECONNRESET: 'the connection was reset',
  EPROTO: 'what listens there does not speak TLS; did you mean ws://?',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate; --insecure accepts it',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed certificate; --insecure accepts it',
};

function reasonOf(error: NodeJS.ErrnoException): string {
  // Node tries each address of a name and then fails with an AggregateError, whose message is empty.
  return REASONS[error.code ?? ''] ?? (error.message || error.code || 'unknown error');
}

/** An open socket, paused, so that nothing is missed before the caller listens and resumes it.
 *  @throws FanwireError FANWIRE_CONNECT (unreachable) or FANWIRE_REFUSED (HTTP answer other than 101) */
export async function connect(
  url: URL,
  { header: headers = {}, insecure = false }: ConnectOptions,
): Promise<WebSocket> {
  // Here, since every command's flags are declared at each start, also that of a relay.
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(url, {
    headers,
    rejectUnauthorized: !insecure,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    perMessageDeflate: false,
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.removeAllListeners('error').removeAllListeners('unexpected-response');
      socket.pause();
      watchPulse(socket);
      resolve(socket);
    });
    socket.once('error', (error) => {
      reject(new FanwireError('FANWIRE_CONNECT', `cannot connect to ${url.href}: ${reasonOf(error)}`));
    });
    socket.once('unexpected-response', (request, response) => {
      refusalLine(response)
        .then((line) => reject(new FanwireError('FANWIRE_REFUSED', `${url.href} refused: ${line}`)), reject)
        .finally(() => request.destroy());
    });
  });
}

/** Closes in order; a relay that does not answer in time is left. */
export function closeWithin(socket: WebSocket, limitMs: number): Promise<void> {
  if (socket.readyState === socket.CLOSED) return Promise.resolve();
  const timer = setTimeout(() => socket.terminate(), limitMs);
  return new Promise((resolve) => {
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.resume(); // a paused socket would not see the answer
    socket.close(1000);
  });
}

/** How a socket ended that should have stayed open. */
export function closedError(url: URL, socket: WebSocket, code: number, reason: Buffer): FanwireError {
  const silence = silenceOf(socket);
  if (silence !== undefined) return new FanwireError('FANWIRE_CLOSED', `${url.href} given up: ${silence}`);
  const why =
    reason.length > 0 ? ` (${reason.toString()})` : code === 1006 ? ' (no close frame: the connection broke)' : '';
  return new FanwireError('FANWIRE_CLOSED', `${url.href} closed with ${code}${why}`);
}

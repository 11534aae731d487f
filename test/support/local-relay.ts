// A relay inside the test process, real clients for it, and what it logged.
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { type ClientOptions, WebSocket } from 'ws';
import type { RelayConfig } from '../../src/config/schema.js';
import { PastApi } from '../../src/http/past/past.js';
import { PublishApi } from '../../src/http/publish/publish.js';
import { type Relay, startRelay } from '../../src/relay/relay.js';
import { configWith } from './config-with.js';

export interface LocalRelay {
  readonly relay: Relay;
  /** `ws://127.0.0.1:<port>` */
  readonly url: string;
  /** `http://127.0.0.1:<port>` */
  readonly http: string;
  /** Everything logged so far, as text. */
  log(): string;
}

/** Starts a relay on a free port; it ends with the test. */
export async function startLocalRelay(t: TestContext, given: Partial<RelayConfig> = {}): Promise<LocalRelay> {
  let logged = '';
  const log = pino({ level: 'trace' }, { write: (line) => (logged += line) });
  const config = configWith({ port: 0, ...given });
  const relay = await startRelay(config, log);
  new PublishApi(relay, config).attach();
  new PastApi(relay, config).attach();
  t.after(() => relay.close());
  const authority = `127.0.0.1:${relay.port}`;
  return { relay, url: `ws://${authority}`, http: `http://${authority}`, log: () => logged };
}

/** Opens a WebSocket; fails when it is refused. */
export async function open(url: string, options: ClientOptions = {}, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(url, protocols, options);
  await once(socket, 'open');
  return socket;
}

export interface RefusedUpgrade {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly code: string;
  readonly body: string;
}

/** Tries to open a WebSocket that must be refused, and gives the answer. */
export function refusalOf(url: string, options: ClientOptions = {}, protocols: string[] = []): Promise<RefusedUpgrade> {
  const socket = new WebSocket(url, protocols, options);
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      socket.terminate();
      reject(new Error(`${url} was let in`));
    });
    socket.on('error', reject);
    socket.on('unexpected-response', async (_request, response: IncomingMessage) => {
      const body = Buffer.concat(await response.toArray()).toString();
      const code = JSON.parse(body).error.code as string;
      resolve({ status: response.statusCode ?? 0, headers: response.headers, code, body });
    });
  });
}

/** The close code a socket gets. */
export async function closeCode(socket: WebSocket): Promise<number> {
  const [code] = (await once(socket, 'close')) as [number];
  return code;
}

/** The next message of a socket as text. */
export async function nextText(socket: WebSocket): Promise<string> {
  const [message] = (await once(socket, 'message')) as [Buffer];
  return message.toString();
}

/** Waits until `condition` holds, a loop turn at a time; the test's own timeout ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

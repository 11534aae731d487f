// Whether a server that listens is ready: some listen first and answer 503 until they have loaded what they need, and
// what stands before a container takes connections and closes them until the container listens.

import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { topicUrl } from './target.js';

/** What gateways and servers answer that cannot serve yet. */
const NOT_YET = /^HTTP\/1\.\d (502|503|504)\b/;
/** Whoever says nothing for so long is left to the engine, whose connections wait longer. */
const SILENCE_MS = 1_000;
/** A server that closes connections without a word may do so for ever, which is then seen in its runs. */
const CLOSED_MS = 10_000;
/** For the server's side of a closing handshake. */
const CLOSE_MS = 250;
const POLL_MS = 50;
/** A close frame as a client sends it. */
const CLOSE = Buffer.from([0x88, 0x80, 0, 0, 0, 0]);

/** Opens connections to `base` (a ws:// URL without the topic) until one is not answered with 502, 503 or 504. Returns
 *  the last answer, such as "HTTP 503", where it does not get so far within `limitMs`, or ends before (`isAlive`);
 *  undefined where it is ready, or nothing is known to speak against it. */
export async function untilReady(
  base: string,
  limitMs: number,
  isAlive: () => boolean = () => true,
): Promise<string | undefined> {
  const begun = performance.now();
  let refusal: string | undefined;
  for (;;) {
    const answer = await upgrade(new URL(topicUrl(base, 'ready')));
    const waitedMs = performance.now() - begun;
    const [, status] = NOT_YET.exec(answer ?? '') ?? [];
    if (status !== undefined) refusal = `HTTP ${status}`;
    else if (answer !== '' || waitedMs > CLOSED_MS) return undefined;
    if (!isAlive() || waitedMs > limitMs) return refusal;
    await sleep(POLL_MS);
  }
}

/** The first line of the answer to an upgrade; '' where the connection was closed or refused before it, undefined where
 *  nothing came. */
function upgrade(url: URL): Promise<string | undefined> {
  return new Promise((resolve) => {
    let head = '';
    const socket = connect({ port: Number(url.port || 80), host: url.hostname.replace(/^\[|\]$/g, '') });
    const silence = setTimeout(() => end(undefined), SILENCE_MS);
    const end = (answer: string | undefined): void => {
      clearTimeout(silence);
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (chunk) => {
      const isFirst = !head.includes('\n');
      head += chunk.toString('latin1');
      if (!isFirst || !head.includes('\n')) return;
      clearTimeout(silence);
      const [line = ''] = head.split('\r\n');
      // A client that is gone without a word is an error to some servers.
      if (/ 101\b/.test(line)) socket.write(CLOSE);
      socket.end();
      setTimeout(() => end(line), / 101\b/.test(line) ? CLOSE_MS : 0);
    });
    socket.on('error', () => end(''));
    socket.on('close', () => end(head.split('\r\n')[0]));
    socket.write(
      `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
  });
}

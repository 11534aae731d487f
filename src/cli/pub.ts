// `fanwire pub`: sends a message, the lines of stdin, or generated payloads to a topic, and ends once all are
// delivered.
import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { WebSocket } from 'ws';
import { onEndSignal } from '../base/end-signals.js';
import { FanwireError } from '../base/error.js';
import { Exit } from '../base/exit-codes.js';
import { bytes, count } from '../config/types.js';
import { argument } from './argument.js';
import { type ConnectOptions, closedError, closeWithin, connect, declareConnectFlags, parseUrl } from './connect.js';
import { linesOf } from './lines.js';

interface PubOptions extends ConnectOptions {
  readonly count?: number;
  readonly rate?: number;
  readonly size?: number;
  readonly binary?: boolean;
  readonly quiet?: boolean;
}

/** How long the relay may take to read what it was sent, and what is left of that after a signal. */
const CONFIRM_MS = 30_000;
const INTERRUPTED_MS = 2000;

/** Bytes that may wait in this process before it reads or makes more. */
const MAX_BUFFERED_BYTES = 1 << 20;

const LETTERS = Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789');

/** Printable random bytes, so that the same payload is valid as text and as binary. */
function generated(size: number): Buffer {
  return randomBytes(size).map((byte) => LETTERS[byte % LETTERS.length] as number) as Buffer;
}

async function* repeated(payload: Buffer, count: number): AsyncGenerator<Buffer> {
  for (let i = 0; i < count; i++) yield payload;
}

function payloads(message: string | undefined, { count, size }: PubOptions): AsyncIterable<Buffer> {
  if (message !== undefined && size !== undefined) {
    throw new FanwireError('FANWIRE_USAGE_CONFLICT', 'give a MESSAGE or --size, not both');
  }
  if (size !== undefined) return repeated(generated(size), count ?? 1);
  if (message !== undefined && message !== '-') return repeated(Buffer.from(message), count ?? 1);
  if (message === undefined && process.stdin.isTTY) {
    throw new FanwireError(
      'FANWIRE_USAGE_MESSAGE',
      'nothing to publish: give a MESSAGE, --size, or - to read lines from stdin',
    );
  }
  // Node makes an empty stream of it, and nothing would be published without a word.
  if (fstatSync(0).isDirectory()) {
    throw new FanwireError('FANWIRE_USAGE_MESSAGE', 'nothing to publish: stdin is a folder; give a file, or a MESSAGE');
  }
  return linesOf(process.stdin, count ?? Number.POSITIVE_INFINITY);
}

/** Resolves once all that was sent is with the kernel, or the socket is gone (then Node calls back as well). */
function flushed(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => socket.ping(undefined, undefined, () => resolve()));
}

interface Sent {
  messages: number;
  bytes: number;
  largest: number;
}

/** Sends until the source ends or `stop` is aborted, and counts in `sent`. */
async function send(
  socket: WebSocket,
  source: AsyncIterable<Buffer>,
  { rate = 0, binary = false }: PubOptions,
  stop: AbortSignal,
  sent: Sent,
): Promise<void> {
  const start = performance.now();
  try {
    for await (const payload of source) {
      // Open loop: message n is due at n / rate, whatever became of those before it.
      const waitMs = rate === 0 ? 0 : start + (sent.messages / rate) * 1000 - performance.now();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal: stop });
      if (stop.aborted) break;
      if (!binary && !isUtf8(payload)) {
        const which = `message ${sent.messages + 1}`;
        throw new FanwireError('FANWIRE_PUB_TEXT', `${which} is not UTF-8, as text must be; --binary sends any bytes`);
      }
      socket.send(payload, { binary });
      sent.messages += 1;
      sent.bytes += payload.length;
      sent.largest = Math.max(sent.largest, payload.length);
      if (socket.bufferedAmount > MAX_BUFFERED_BYTES) await flushed(socket);
    }
  } catch (error) {
    if (!stop.aborted) throw error; // else it is only the sleep or the read of stdin that was broken off
  }
}

async function publish(
  url: URL,
  socket: WebSocket,
  source: AsyncIterable<Buffer>,
  options: PubOptions,
): Promise<string> {
  const stop = new AbortController();
  stop.signal.addEventListener('abort', () => process.stdin.destroy());
  const sent: Sent = { messages: 0, bytes: 0, largest: 0 };
  let failure: FanwireError | undefined;
  socket.once('close', (code, reason) => {
    if (code !== 1000) failure = brokenOff(closedError(url, socket, code, reason), code, sent);
    stop.abort();
  });
  socket.on('error', () => {}); // a 'close' with the code follows
  let isInterrupted = false;
  onEndSignal(() => {
    isInterrupted = true;
    process.exitCode = Exit.interrupted;
    stop.abort();
    setTimeout(() => socket.terminate(), INTERRUPTED_MS).unref();
  });
  socket.resume();

  try {
    await send(socket, source, options, stop.signal, sent);
  } finally {
    await flushed(socket);
    // The relay answers the close frame after it has read all that came before it.
    await closeWithin(socket, CONFIRM_MS);
  }
  const what = `${sent.messages} message${sent.messages === 1 ? '' : 's'} (${sent.bytes} bytes)`;
  if (failure && isInterrupted) {
    throw new FanwireError(
      'FANWIRE_PUB_INTERRUPTED',
      `interrupted; ${url.href} did not confirm that it has read the ${what} sent`,
    );
  }
  if (failure) throw failure;
  return `published ${what} to ${url.href}`;
}

/** A relay cuts off what is larger than both its --max-payload and 1 MiB, without a close frame. */
function brokenOff(error: FanwireError, code: number, { largest }: Sent): FanwireError {
  if (code !== 1006 || largest <= 1 << 20) return error;
  return new FanwireError('FANWIRE_CLOSED', `${error.message}; a message had ${largest} bytes: see --max-payload`);
}

export function pubCommand(): Command {
  const command = new Command('pub')
    .description('publish to a topic: a message, the lines of stdin, or generated payloads')
    .argument('<url>', 'ws://host:port/topic')
    .argument('[message]', 'what to send; - reads stdin, one message a line (the default where stdin is no terminal)')
    .option(
      '-n, --count <n>',
      'send the message this many times (or stop after so many lines)',
      argument('--count', count(1, 1e9)),
    )
    .option(
      '-r, --rate <n>',
      'messages a second, sent when due; 0 = as fast as the relay reads',
      argument('--rate', count(0, 1e6)),
    )
    .option('-s, --size <bytes>', 'send a generated payload of this size', argument('--size', bytes(0, 16 << 20)))
    .option('-b, --binary', 'send binary frames')
    .option('-q, --quiet', 'do not report on stderr')
    .addHelpText(
      'after',
      '\nExit codes: 0 all delivered to the relay, 1 refused, closed or unreachable, 2 bad arguments, 130 interrupted.',
    );
  return declareConnectFlags(command).action(
    async (address: string, message: string | undefined, options: PubOptions) => {
      const url = parseUrl(address);
      const source = payloads(message, options);
      const report = await publish(url, await connect(url, options), source, options);
      if (!options.quiet) process.stderr.write(`${report}\n`);
    },
  );
}

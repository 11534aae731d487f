// `fanwire pub`: sends a message, the lines of stdin, or generated payloads to a topic, and ends once all are
// delivered.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { WebSocket } from 'ws';
import { onEndSignal } from '../base/end-signals.js';
import { FanwireError } from '../base/error.js';
import { Exit } from '../base/exit-codes.js';
import { bytes, count } from '../config/types.js';
import { argument } from './argument.js';
import { type ConnectOptions, closedError, connect, declareConnectFlags, parseUrl } from './connect.js';
import { linesOf } from './lines.js';

interface PubOptions extends ConnectOptions {
  readonly count?: number;
  readonly rate?: number;
  readonly size?: number;
  readonly binary?: boolean;
  readonly quiet?: boolean;
}

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
  return linesOf(process.stdin, count ?? Number.POSITIVE_INFINITY);
}

/** Resolves once all that was sent is with the kernel, or the socket is gone (then Node calls back as well). */
function flushed(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => socket.ping(undefined, undefined, () => resolve()));
}

interface Sent {
  messages: number;
  bytes: number;
}

/** Sends until the source ends or `stop` is aborted. */
async function send(
  socket: WebSocket,
  source: AsyncIterable<Buffer>,
  options: PubOptions,
  stop: AbortSignal,
): Promise<Sent> {
  const { rate = 0, binary = false } = options;
  const start = performance.now();
  const sent = { messages: 0, bytes: 0 };
  try {
    for await (const payload of source) {
      // Open loop: message n is due at n / rate, whatever became of those before it.
      const waitMs = rate === 0 ? 0 : start + (sent.messages / rate) * 1000 - performance.now();
      if (waitMs > 0) await sleep(waitMs, undefined, { signal: stop });
      if (stop.aborted) break;
      socket.send(payload, { binary });
      sent.messages += 1;
      sent.bytes += payload.length;
      if (socket.bufferedAmount > MAX_BUFFERED_BYTES) await flushed(socket);
    }
  } catch (error) {
    if (!stop.aborted) throw error; // else it is only the sleep or the read of stdin that was broken off
  }
  return sent;
}

async function publish(
  url: URL,
  socket: WebSocket,
  source: AsyncIterable<Buffer>,
  options: PubOptions,
): Promise<string> {
  const stop = new AbortController();
  stop.signal.addEventListener('abort', () => process.stdin.destroy());
  const closed = new Promise<{ code: number; reason: Buffer }>((resolve) => {
    socket.once('close', (code, reason) => {
      resolve({ code, reason });
      stop.abort();
    });
  });
  socket.on('error', () => {}); // a 'close' with the code follows
  onEndSignal(() => {
    process.exitCode = Exit.interrupted;
    stop.abort();
  });
  socket.resume();

  const sent = await send(socket, source, options, stop.signal);
  await flushed(socket);
  // The relay answers the close frame after it has read all that came before it.
  socket.close(1000);
  const { code, reason } = await closed;
  if (code !== 1000) throw closedError(url, code, reason);
  return `published ${sent.messages} message${sent.messages === 1 ? '' : 's'} (${sent.bytes} bytes) to ${url.href}`;
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

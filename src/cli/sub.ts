// `fanwire sub`: prints what arrives on one or more topics.
import { Command } from 'commander';
import type { RawData, WebSocket } from 'ws';
import { onEndSignal } from '../base/end-signals.js';
import { FanwireError } from '../base/error.js';
import { choice, count, duration } from '../config/types.js';
import { MAX_WINDOW_MS } from '../protocol/envelope.js';
import { REWIND_RANGE, readRewind } from '../protocol/rewind.js';
import { argument } from './argument.js';
import {
  type ConnectOptions,
  closedError,
  closeWithin,
  connect,
  declareConnectFlags,
  parseUrl,
  topicOf,
} from './connect.js';
import { isReaderGone } from './output.js';

interface SubOptions extends ConnectOptions {
  readonly count?: number;
  readonly timeout?: number;
  readonly timestamps?: boolean;
  readonly binary: 'base64' | 'hex';
  readonly raw?: boolean;
  readonly rewind?: string;
  readonly every?: number;
}

const NEWLINE = Buffer.from('\n');

/** How long the end waits for a relay that does not answer, and after a signal for a reader that has stalled. */
const END_MS = 1000;

function bufferOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/** What precedes each message: nothing for one URL, else its topic, or all of its URL where two hosts share a topic. */
function prefixes(urls: URL[]): string[] {
  if (urls.length === 1) return [''];
  const topics = urls.map(topicOf);
  const distinct = new Set(topics).size === topics.length;
  return urls.map((url, i) => `${distinct ? topics[i] : url.href}: `);
}

function printed(data: Buffer, isBinary: boolean, prefix: string, options: SubOptions): Buffer {
  if (options.raw) return data;
  const time = options.timestamps ? `${new Date().toISOString()} ` : '';
  const body = isBinary ? Buffer.from(data.toString(options.binary)) : data;
  return Buffer.concat([Buffer.from(time + prefix), body, NEWLINE]);
}

/** Prints until --count or a signal (resolves), or until a socket closes (rejects). */
function print(urls: URL[], sockets: WebSocket[], options: SubOptions, stop: AbortSignal): Promise<number> {
  const prefix = prefixes(urls);
  const { count = Number.POSITIVE_INFINITY } = options;
  let received = 0;
  return new Promise((resolve, reject) => {
    stop.addEventListener('abort', () => resolve(received));
    // `on` rather than `once`: stdout stays open after an error, and every further message fails again.
    process.stdout.on('error', (error) => isReaderGone(error) && resolve(received));
    // A reader that is slower than the relay holds the sockets up, rather than filling the memory of this process.
    process.stdout.on('drain', () => {
      for (const socket of sockets) socket.resume();
    });
    sockets.forEach((socket, i) => {
      socket.on('error', () => {}); // a 'close' with the code follows
      socket.on('close', (code, reason) => reject(closedError(urls[i] as URL, socket, code, reason)));
      socket.on('message', (data, isBinary) => {
        if (received >= count) return;
        received += 1;
        const isFull = !process.stdout.write(printed(bufferOf(data), isBinary, prefix[i] as string, options));
        if (received === count) resolve(received);
        else if (isFull) for (const each of sockets) each.pause();
      });
      socket.resume();
    });
  });
}

/** @throws FanwireError FANWIRE_USAGE_RANGE */
function rewindArgument(text: string): string {
  if (readRewind(text) !== undefined) return text;
  throw new FanwireError('FANWIRE_USAGE_RANGE', `--rewind is ${REWIND_RANGE}, got "${text}"`);
}

/** @throws FanwireError FANWIRE_USAGE_CONFLICT where the URL says it already */
function withOptions(url: URL, { rewind, every }: SubOptions): URL {
  for (const [name, value] of Object.entries({ rewind, every })) {
    if (value === undefined) continue;
    if (url.searchParams.has(name)) {
      throw new FanwireError('FANWIRE_USAGE_CONFLICT', `give --${name} or ?${name}= in the URL, not both`);
    }
    url.search += `${url.search === '' ? '?' : '&'}${name}=${value}`;
  }
  return url;
}

function close(socket: WebSocket): Promise<void> {
  socket.removeAllListeners('close').removeAllListeners('message');
  return closeWithin(socket, END_MS);
}

export function subCommand(): Command {
  const command = new Command('sub')
    .description('print the messages of one or more topics')
    .argument('<url...>', 'ws://host:port/topic; with several, each line starts with its topic')
    .option('-n, --count <n>', 'exit after so many messages', argument('--count', count(1, 1e9)))
    .option('-t, --timestamps', 'start each line with the time of arrival')
    .option(
      '-b, --binary <encoding>',
      'how binary frames are printed: base64 or hex',
      argument('--binary', choice('base64', 'hex')),
      'base64',
    )
    .option(
      '--rewind <past>',
      'begin with what the relay keeps: so many messages, a time such as 30s, last or all',
      rewindArgument,
    )
    .option(
      '--every <ms>',
      'receive at most once in so many milliseconds: what comes meanwhile comes together',
      argument('--every', duration('ms', 1, MAX_WINDOW_MS)),
    )
    .option('--raw', 'print payloads alone: no line ends, nothing encoded')
    .option(
      '--timeout <seconds>',
      'exit after this time; with --count, 1 where too few have come',
      argument('--timeout', duration('seconds', 1, 86_400)),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 done (--count, --timeout or a signal), 1 refused, closed, unreachable or too few messages, 2 bad arguments.',
    );
  return declareConnectFlags(command).action(async (addresses: string[], options: SubOptions) => {
    const urls = addresses.map((address) => withOptions(parseUrl(address), options));
    const sockets = await Promise.all(urls.map((url) => connect(url, options)));
    process.stderr.write(`subscribed to ${urls.map(topicOf).join(', ')}\n`);
    const interrupt = new AbortController();
    onEndSignal(() => {
      interrupt.abort();
      setTimeout(() => process.exit(), END_MS).unref();
    });
    const timeout = options.timeout === undefined ? undefined : AbortSignal.timeout(options.timeout * 1000);
    const stop = AbortSignal.any(timeout ? [interrupt.signal, timeout] : [interrupt.signal]);
    const received = await print(urls, sockets, options, stop).finally(() => Promise.all(sockets.map(close)));
    if (timeout?.aborted && options.count !== undefined && received < options.count) {
      const got = `${received} of ${options.count} messages came within ${options.timeout} s`;
      throw new FanwireError('FANWIRE_SUB_TIMEOUT', got);
    }
  });
}

// The log: pino, as JSON or as coloured text, and warnings that are sampled so that a storm cannot flood it.
import { createRequire } from 'node:module';
import { type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino';
import type { PrettyOptions } from 'pino-pretty';
import { LogSink } from './log-sink.js';

export type { Logger } from 'pino';

export interface LogOptions {
  readonly logLevel: string;
  readonly logFormat: 'auto' | 'json' | 'pretty';
}

/** Whether the log is coloured text, for people. */
export function isForPeople({ logFormat }: Pick<LogOptions, 'logFormat'>): boolean {
  return logFormat === 'pretty' || (logFormat === 'auto' && process.stdout.isTTY === true);
}

/** Whether text for people may have colours (https://no-color.org). */
export function hasColors(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR;
}

/** A logger on stdout. Lines are written at once, so the last one before an exit is never lost. */
export function createLogger({ logLevel, logFormat }: LogOptions): Logger {
  const settings: LoggerOptions = {
    name: 'fanwire',
    level: logLevel,
    formatters: { level: (label) => ({ level: label }) },
    timestamp: stdTimeFunctions.isoTime,
  };
  // Opens no file and loads nothing: many relays of one program log nothing.
  if (logLevel === 'silent') return pino(settings, { write: () => {} });
  if (!isForPeople({ logFormat })) {
    const sink = new LogSink(1, (lost) => log.warn({ lost }, 'log lines were lost while stdout took none'));
    const log = pino(settings, sink);
    return log;
  }
  // Loaded only here: it is a third of the start-up time of `fanwire serve`, and JSON has no use for it.
  const prettyStream = createRequire(import.meta.url)('pino-pretty') as (
    options: PrettyOptions,
  ) => NodeJS.WritableStream;
  const colorize = hasColors();
  // `config` would be sixty lines on every start; --print-config shows it.
  const ignore = 'pid,hostname,name,config';
  return pino(settings, prettyStream({ colorize, sync: true, ignore, translateTime: 'HH:MM:ss.l' }));
}

/** Warnings of which at most so many a second are written, each kind on its own; the rest are counted in one line. */
export interface SampledWarnings {
  /** `kind` names what happened (`slow consumer closed`); it is the message, and what is sampled by. */
  warn(kind: string, fields: Record<string, unknown>): void;
  /** Writes what is held back now; call it before the process ends. */
  flush(): void;
}

const WINDOW_MS = 1000;

/** @param perSecond lines a kind may write in a second before the rest of that second is only counted */
export function sampledWarnings(log: Logger, perSecond = 5): SampledWarnings {
  const seen = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    for (const [kind, count] of seen) {
      if (count > perSecond) log.warn({ more: count - perSecond }, `… and ${count - perSecond} more: ${kind}`);
    }
    seen.clear();
  }

  function warn(kind: string, fields: Record<string, unknown>): void {
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    if (count <= perSecond) log.warn(fields, kind);
    timer ??= setTimeout(flush, WINDOW_MS).unref();
  }

  return { warn, flush };
}

// What a k6 run is asked to do. Every setting comes from `-e NAME=value`, is checked once, and a bad one stops the run
// with one line before it opens a socket. The names are those of a bench plan (bench/scenarios/scenario.ts) in upper
// snake case.

import { mistyped, NAMES, type Name, SECRETS } from './names.ts';
import type { Stage } from './rate.ts';
import { areBoundedByDelay, parseSlo } from './slo.ts';
import { amount, bytes, seconds } from './text.ts';
import { urlPatterns } from './urls.ts';

function setting(name: Name): string {
  return (__ENV[name] ?? '').trim();
}

/** What `read` makes of a setting, or `fallback` when it is not set. */
function number(
  name: Name,
  fallback: number,
  least = 0,
  read = amount,
  form = 'a number such as 50, 1k or 1.5k',
): number {
  const text = setting(name);
  if (text === '') return fallback;
  const value = read(text);
  if (value >= least) return value;
  throw new Error(`${name} must be ${form}, ${least} or more, got ${text}`);
}

function whole(name: Name, fallback: number, least = 0): number {
  const value = number(name, fallback, least);
  if (Number.isInteger(value)) return value;
  throw new Error(`${name} must be a whole number, got ${setting(name)}`);
}

function duration(name: Name, fallback: number, least = 0): number {
  return number(name, fallback, least, seconds, 'seconds, or a duration such as 30s, 2m or 500ms');
}

/** Milliseconds; a bare number is one. */
function milliseconds(name: Name, fallback: number): number {
  const read = (text: string) => (/[a-z]/i.test(text) ? seconds(text) * 1000 : Number(text));
  return number(name, fallback, 1, read, 'milliseconds, or a duration such as 50ms or 1s');
}

function size(name: Name, fallback: number, least: number): number {
  return number(name, fallback, least, bytes, 'bytes, or a size such as 1k');
}

function yes(name: Name): boolean {
  const word = setting(name).toLowerCase();
  if (['1', 'true', 'yes', 'on'].includes(word)) return true;
  if (['', '0', 'false', 'no', 'off'].includes(word)) return false;
  throw new Error(`${name} must be 1 or 0, got ${setting(name)}`);
}

/** A bound of a default threshold. */
export interface Bound {
  readonly value: number;
  readonly isShare: boolean;
}

/** A count, or a share in %; `off` is no bound at all. */
function bound(name: Name, fallback: Bound): Bound {
  const text = setting(name);
  if (text === '') return fallback;
  if (text === 'off') return { value: Infinity, isShare: false };
  const [, digits, percent] = /^(.+?)\s*(%)?$/.exec(text) ?? [];
  const value = amount(digits ?? '');
  if (value >= 0) return { value, isShare: percent !== undefined };
  throw new Error(`${name} must be a count, a share such as 0.1%, or off, got ${text}`);
}

/** `10s:100,30s:1k`: how long, and the rate at its end. */
function stagesOf(text: string): Stage[] {
  if (text === '') return [];
  return text.split(',').map((part) => {
    const [time = '', target = ''] = part.trim().split(':');
    const stage = { durationS: seconds(time), target: amount(target) };
    if (stage.durationS > 0 && stage.target >= 0) return stage;
    throw new Error(`STAGES must be durations and rates such as 10s:100,30s:1k, got ${part}`);
  });
}

function headers(): { [name: string]: string } {
  const token: { [name: string]: string } = setting('TOKEN') ? { Authorization: `Bearer ${setting('TOKEN')}` } : {};
  const given = parsed(setting('HEADERS') || '{}');
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    // Without what was given: it may hold a token.
    throw new Error('HEADERS must be a JSON object such as {"Origin":"https://example.org"}');
  }
  return { ...token, ...given };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Where a scenario departs from the defaults below; the environment overrides both. */
export interface Defaults {
  readonly subscribers?: number;
  readonly publishers?: number;
  readonly topics?: number;
  readonly rate?: number;
  readonly burst?: number;
  readonly connectRate?: number;
  readonly churnRate?: number;
}

const NONE: Bound = { value: 0, isShare: false };
const ANY: Bound = { value: Infinity, isShare: false };
const ALL: Bound = { value: 100, isShare: true };
/** More than nobody. */
const SOME: Bound = { value: 0, isShare: true };

export type Settings = ReturnType<typeof readSettings>;

/** Reads the settings that all scenarios share. Times end in S (seconds) or Ms. */
export function readSettings(scenario: string, defaults: Defaults) {
  const [unknown] = mistyped(__ENV);
  if (unknown !== undefined) throw new Error(unknown);
  const subscribers = whole('SUBSCRIBERS', defaults.subscribers ?? 100, 1);
  const topics = whole('TOPICS', defaults.topics ?? 1, 1);
  const connectRate = number('CONNECT_RATE', defaults.connectRate ?? 500, 1);
  const stages = stagesOf(setting('STAGES'));
  const startRate = number('RATE', defaults.rate ?? 50);
  const rate = Math.max(startRate, ...stages.map(({ target }) => target));
  const slo = setting('SLO');
  const named = (metric: string) => parseSlo(slo).some((term) => term.metric === metric);
  const churnRate = number('CHURN_RATE', defaults.churnRate ?? 0);
  const steady = subscribers - Math.min(subscribers, Math.ceil(churnRate));
  return {
    scenario,
    urls: urlPatterns(setting('URL') || 'ws://127.0.0.1:9001/lobby', topics),
    /** Of each upgrade request: HEADERS is a JSON object, TOKEN a shorthand for `Authorization: Bearer …`. */
    headers: headers(),
    topics,
    /** Subscribers that stay for the whole run, and those that are replaced one after the other (each lives about 1
     *  s). */
    steady,
    churners: subscribers - steady,
    churnRate,
    publishers: rate === 0 ? 0 : whole('PUBLISHERS', defaults.publishers ?? 1, 1),
    /** Messages a second over all publishers, open loop, and how many of one publisher fall due at one instant. */
    rate,
    /** Where the rate goes from stage to stage while messages are measured: it begins with this one, and `rate` is the
     *  highest. */
    startRate,
    stages,
    burst: whole('BURST', defaults.burst ?? 1, 1),
    payloadBytes: size('PAYLOAD_BYTES', 128, 24),
    binary: yes('BINARY'),
    /** Handshakes started a second and handshakes in flight, over all VUs. */
    connectRate,
    maxHandshakes: whole('MAX_HANDSHAKES', 64, 1),
    connectTimeoutS: duration('CONNECT_TIMEOUT_S', 10, 0.1),
    /** From the first handshake to the first message: the ramp and a second for stragglers. */
    connectS: duration('CONNECT_S', Math.ceil(subscribers / connectRate) + 1, 0.1),
    warmupS: duration('WARMUP_S', 2),
    durationS:
      stages.length > 0 ? stages.reduce((sum, stage) => sum + stage.durationS, 0) : duration('DURATION_S', 10, 0.1),
    /** How long a subscriber that misses messages waits for them after the last one was due. */
    drainS: duration('DRAIN_S', 5),
    /** Each VU has one event loop on at most one core; VUs beyond about two a core only cost memory. */
    vus: Math.min(Math.max(steady, 1), whole('VUS', Math.min(8, Math.ceil(subscribers / 50)), 1)),
    slo,
    /** Bounds of the thresholds that a run alone has by default. An objective that names one of them decides about it
     *  instead. */
    maxFailed: bound('MAX_FAILED', named('failed') ? ANY : NONE),
    maxLost: bound('MAX_LOST', named('loss') ? ANY : NONE),
    maxClosed: bound('MAX_CLOSED', NONE),
    minConnected: bound('MIN_CONNECTED', setting('MAX_FAILED') !== '' || named('failed') ? SOME : ALL),
    /** Past these k6 itself was the bottleneck: docs/k6.md says how they were found. */
    maxHandlerLagMs: milliseconds('MAX_HANDLER_LAG_MS', 50),
    maxSlipMs: milliseconds('MAX_SLIP_MS', 10),
    /** Whether k6's own lateness fails a run: not where an objective holds in spite of it, unless a limit was asked
     *  for. */
    isLatenessFatal: !areBoundedByDelay(parseSlo(slo)) || setting('MAX_HANDLER_LAG_MS') + setting('MAX_SLIP_MS') !== '',
    /** Whether each latency carries its topic as a tag: a time series for each topic. */
    topicTags: yes('TOPIC_TAGS'),
    /** Where handleSummary writes its JSON; empty: nowhere. */
    summaryFile: setting('SUMMARY'),
    /** Whether k6's own summary, in the mode it was asked for, stands below ours. */
    ownSummary: (setting('SUMMARY_MODE') || (__ENV.K6_SUMMARY_MODE ?? '')) !== '',
    /** What the environment says, as written; headers and tokens left out. */
    given: Object.fromEntries(
      NAMES.filter((name) => !SECRETS.includes(name) && setting(name) !== '').map((name) => [name, setting(name)]),
    ) as { readonly [name: string]: string },
    /** Set by `fanwire bench`: every VU prints what it saw as one line, histograms included. */
    report: setting('FANWIRE_REPORT') === '1',
  };
}

/** The URL of a topic for connection number `connection`: several URLs (nodes of one cluster) take turns. */
export function topicUrl(settings: Settings, topic: number, connection: number): string {
  const pattern = settings.urls[connection % settings.urls.length] as string;
  return pattern.replace('{topic}', String(topic));
}

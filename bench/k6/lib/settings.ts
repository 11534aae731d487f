// What a k6 run is asked to do: the parameters of its scenario, and what the scripts alone have.

import { amount, seconds } from './amounts.ts';
import {
  type Bound,
  boundOf,
  isOn,
  type K6Parameters,
  millisecondsOfSetting,
  rawOf,
  readParameters,
  secondsOf,
  textOf,
  wholeOf,
} from './environment.ts';
import { mistyped, NAMES, SECRETS } from './names.ts';
import type { RateStage } from './rate.ts';
import { excusesDelay, parseSlo } from './slo.ts';
import { urlPatterns } from './urls.ts';

/** `10s:100,30s:1k`: how long, and the rate at its end. */
function stagesOf(text: string): RateStage[] {
  if (text === '') return [];
  return text.split(',').map((part) => {
    const [time = '', target = ''] = part.trim().split(':');
    const stage = { durationS: seconds(time), target: amount(target) };
    if (stage.durationS > 0 && stage.target >= 0) return stage;
    throw new Error(`STAGES must be durations and rates such as 10s:100,30s:1k, got ${part}`);
  });
}

function headers(): { [name: string]: string } {
  const token: { [name: string]: string } = textOf('TOKEN') ? { Authorization: `Bearer ${textOf('TOKEN')}` } : {};
  const given = parsed(textOf('HEADERS') || '{}');
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

/** Where a scenario departs from the defaults; the environment overrides both. */
export type Defaults = Partial<K6Parameters>;

const NONE: Bound = { value: 0, isShare: false };
const ANY: Bound = { value: Infinity, isShare: false };
const ALL: Bound = { value: 100, isShare: true };
/** More than nobody. */
const SOME: Bound = { value: 0, isShare: true };

export type Settings = ReturnType<typeof readSettings>;

/** Reads all settings. Times end in S (seconds) or Ms. */
export function readSettings(scenario: string, defaults: Defaults) {
  const [unknown] = mistyped(__ENV);
  if (unknown !== undefined) throw new Error(unknown);
  const { subscribers, ...plan } = readParameters(defaults);
  const { topics, churnRate, connectRate } = plan;
  const stages = stagesOf(textOf('STAGES'));
  const rate = Math.max(plan.rate, ...stages.map(({ target }) => target));
  const slo = textOf('SLO');
  const terms = parseSlo(slo);
  const named = (metric: string) => terms.some((term) => term.metric === metric);
  const steady = subscribers - Math.min(subscribers, Math.ceil(churnRate));
  return {
    ...plan,
    scenario,
    urls: urlPatterns(textOf('URL') || 'ws://127.0.0.1:9001/lobby', topics),
    /** Of each upgrade request: HEADERS is a JSON object, TOKEN a shorthand for `Authorization: Bearer …`. */
    headers: headers(),
    /** Subscribers that stay for the whole run, and those that are replaced one after the other (each lives about 1
     *  s). */
    steady,
    churners: subscribers - steady,
    publishers: rate === 0 ? 0 : plan.publishers,
    rate,
    /** Where the rate goes from stage to stage while messages are measured: it begins with this one, and `rate` is the
     *  highest. */
    startRate: plan.rate,
    stages,
    /** From the first handshake to the first message: the ramp and a second for stragglers. */
    connectS: secondsOf('CONNECT_S', Math.ceil(subscribers / connectRate) + 1, 0.1),
    durationS: stages.length > 0 ? stages.reduce((sum, stage) => sum + stage.durationS, 0) : plan.durationS,
    /** Each VU has one event loop on at most one core; VUs beyond about two a core only cost memory. */
    vus: Math.min(Math.max(steady, 1), wholeOf('VUS', Math.min(8, Math.ceil(subscribers / 50)), 1)),
    slo,
    /** Bounds of the thresholds that a run alone has by default. An objective that names one of them decides about it
     *  instead. */
    maxFailed: boundOf('MAX_FAILED', named('failed') ? ANY : NONE),
    maxLost: boundOf('MAX_LOST', named('loss') ? ANY : NONE),
    maxClosed: boundOf('MAX_CLOSED', NONE),
    minConnected: boundOf('MIN_CONNECTED', textOf('MAX_FAILED') !== '' || named('failed') ? SOME : ALL),
    /** Past these k6 itself was the bottleneck: docs/k6.md says how they were found. */
    maxHandlerLagMs: millisecondsOfSetting('MAX_HANDLER_LAG_MS', 50),
    maxSlipMs: millisecondsOfSetting('MAX_SLIP_MS', 10),
    /** Whether k6's own lateness fails a run: not where an objective holds in spite of it, unless a limit was asked
     *  for. */
    isLatenessFatal: !excusesDelay(terms) || textOf('MAX_HANDLER_LAG_MS') + textOf('MAX_SLIP_MS') !== '',
    /** Whether each latency carries its topic as a tag: a time series for each topic. */
    topicTags: isOn('TOPIC_TAGS'),
    /** Where handleSummary writes its JSON; empty: nowhere. */
    summaryFile: textOf('SUMMARY'),
    /** Whether k6's own summary, in the mode it was asked for, stands below ours. */
    ownSummary: (textOf('SUMMARY_MODE') || (__ENV.K6_SUMMARY_MODE ?? '')) !== '',
    /** What the environment says, as written; headers and tokens left out. */
    given: Object.fromEntries(
      NAMES.filter((name) => !SECRETS.includes(name) && rawOf(name) !== '').map((name) => [name, rawOf(name)]),
    ) as { readonly [name: string]: string },
    /** Set by `fanwire bench`: every VU prints what it saw as one line, histograms included. */
    report: textOf('FANWIRE_REPORT') === '1',
  };
}

/** The URL of a topic for connection number `connection`: several URLs (nodes of one cluster) take turns. */
export function topicUrl(settings: Settings, topic: number, connection: number): string {
  const pattern = settings.urls[connection % settings.urls.length] as string;
  return pattern.replace('{topic}', String(topic));
}

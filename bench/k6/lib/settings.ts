// What a k6 run should do: the parameters of its scenario, and the settings that only the scripts have.

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

/** Parses `10s:100,30s:1k`: the length of each stage and the rate at its end. */
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
    // The error does not repeat the given text, because it may hold a token.
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

/** Only the parameters in which a scenario differs from the defaults; the environment overrides both. */
export type Defaults = Partial<K6Parameters>;

const NONE: Bound = { value: 0, isShare: false };
const ANY: Bound = { value: Infinity, isShare: false };
const ALL: Bound = { value: 100, isShare: true };
/** At least one. */
const SOME: Bound = { value: 0, isShare: true };

export type Settings = ReturnType<typeof readSettings>;

/** Reads all settings. Names of times end in S (seconds) or Ms. */
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
    /** Headers of each upgrade request. HEADERS is a JSON object, TOKEN is short for `Authorization: Bearer …`. */
    headers: headers(),
    /** `steady` subscribers stay for the whole run; `churners` are replaced one after the other (each stays about 1 s).
     *  */
    steady,
    churners: subscribers - steady,
    publishers: rate === 0 ? 0 : plan.publishers,
    rate,
    /** With stages, the rate starts at `startRate` and changes during the measured phase; `rate` is then the
     *  highest. */
    startRate: plan.rate,
    stages,
    /** From the first handshake to the first message: the length of the ramp, and one second for late connections. */
    connectS: secondsOf('CONNECT_S', Math.ceil(subscribers / connectRate) + 1, 0.1),
    durationS: stages.length > 0 ? stages.reduce((sum, stage) => sum + stage.durationS, 0) : plan.durationS,
    /** Each VU has one event loop, which uses at most one core. More than about two VUs per core only cost memory. */
    vus: Math.min(Math.max(steady, 1), wholeOf('VUS', Math.min(8, Math.ceil(subscribers / 50)), 1)),
    slo,
    /** Limits of the thresholds that a run has by default. If the objective has a term for one of them, that term
     *  replaces the default. */
    maxFailed: boundOf('MAX_FAILED', named('failed') ? ANY : NONE),
    maxLost: boundOf('MAX_LOST', named('loss') ? ANY : NONE),
    maxClosed: boundOf('MAX_CLOSED', NONE),
    minConnected: boundOf('MIN_CONNECTED', textOf('MAX_FAILED') !== '' || named('failed') ? SOME : ALL),
    /** Beyond these limits, k6 itself was the bottleneck; docs/k6.md explains how they were found. */
    maxHandlerLagMs: millisecondsOfSetting('MAX_HANDLER_LAG_MS', 50),
    maxSlipMs: millisecondsOfSetting('MAX_SLIP_MS', 10),
    /** Whether k6's own lateness fails a run. It does not when lateness can only make the objective harder to meet,
     *  unless a limit was set explicitly. */
    isLatenessFatal: !excusesDelay(terms) || textOf('MAX_HANDLER_LAG_MS') + textOf('MAX_SLIP_MS') !== '',
    /** Whether each latency is tagged with its topic, which creates a time series per topic. */
    topicTags: isOn('TOPIC_TAGS'),
    /** The file for handleSummary's JSON; empty: none. */
    summaryFile: textOf('SUMMARY'),
    /** Whether to print k6's own summary, in the requested mode, below ours. */
    ownSummary: (textOf('SUMMARY_MODE') || (__ENV.K6_SUMMARY_MODE ?? '')) !== '',
    /** The settings as written in the environment, without headers and tokens. */
    given: Object.fromEntries(
      NAMES.filter((name) => !SECRETS.includes(name) && rawOf(name) !== '').map((name) => [name, rawOf(name)]),
    ) as { readonly [name: string]: string },
    /** Set by `fanwire bench`: every VU prints what it observed as one line, including histograms. */
    report: textOf('FANWIRE_REPORT') === '1',
  };
}

/** The URL of a topic for connection number `connection`. Connections rotate over several URLs (the nodes of one
 *  cluster). */
export function topicUrl(settings: Settings, topic: number, connection: number): string {
  const pattern = settings.urls[connection % settings.urls.length] as string;
  return pattern.replace('{topic}', String(topic));
}

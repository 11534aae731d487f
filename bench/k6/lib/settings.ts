// What a k6 run is asked to do. Every setting comes from `-e NAME=value`, is checked once, and a bad one stops the run with
// one line before it opens a socket. The names are those of a bench plan (bench/scenarios/scenario.ts) in upper snake case.

/** A finite number from the environment, or `fallback` when it is not set. */
function number(name: string, fallback: number, least = 0): number {
  const text = __ENV[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  throw new Error(`${name} must be a number of at least ${least}, got ${text}`);
}

function whole(name: string, fallback: number, least = 0): number {
  const value = number(name, fallback, least);
  if (Number.isInteger(value)) return value;
  throw new Error(`${name} must be a whole number, got ${value}`);
}

/** URLs of topic 0, 1, …: `{topic}` stands for the topic's number; without it a single topic is the URL itself. */
function urlPatterns(topics: number): string[] {
  const urls = (__ENV.URL || 'ws://127.0.0.1:9001/lobby').split(',').map((url) => url.trim());
  const wrong = urls.find((url) => !/^wss?:\/\//.test(url));
  if (wrong !== undefined) throw new Error(`URL must start with ws:// or wss://, got ${wrong}`);
  return urls.map((url) => (topics === 1 || url.includes('{topic}') ? url : `${url}-{topic}`));
}

function headers(): { [name: string]: string } {
  const token: { [name: string]: string } = __ENV.TOKEN ? { Authorization: `Bearer ${__ENV.TOKEN}` } : {};
  try {
    return { ...token, ...JSON.parse(__ENV.HEADERS || '{}') };
  } catch {
    throw new Error(`HEADERS must be a JSON object such as {"Origin":"https://example.org"}, got ${__ENV.HEADERS}`);
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

export type Settings = ReturnType<typeof readSettings>;

/** Reads the settings that all scenarios share. Times end in S (seconds) or Ms. */
export function readSettings(scenario: string, defaults: Defaults) {
  const subscribers = whole('SUBSCRIBERS', defaults.subscribers ?? 100, 1);
  const topics = whole('TOPICS', defaults.topics ?? 1, 1);
  const connectRate = number('CONNECT_RATE', defaults.connectRate ?? 500, 1);
  const rate = number('RATE', defaults.rate ?? 50);
  const churnRate = number('CHURN_RATE', defaults.churnRate ?? 0);
  const steady = subscribers - Math.min(subscribers, Math.ceil(churnRate));
  return {
    scenario,
    urls: urlPatterns(topics),
    /** Of each upgrade request: HEADERS is a JSON object, TOKEN a shorthand for `Authorization: Bearer …`. */
    headers: headers(),
    topics,
    /** Subscribers that stay for the whole run, and those that are replaced one after the other (each lives about 1 s). */
    steady,
    churners: subscribers - steady,
    churnRate,
    publishers: rate === 0 ? 0 : whole('PUBLISHERS', defaults.publishers ?? 1, 1),
    /** Messages a second over all publishers, open loop, and how many of one publisher fall due at one instant. */
    rate,
    burst: whole('BURST', defaults.burst ?? 1, 1),
    payloadBytes: whole('PAYLOAD_BYTES', 128, 24),
    binary: __ENV.BINARY === '1' || __ENV.BINARY === 'true',
    /** Handshakes started a second and handshakes in flight, over all VUs. */
    connectRate,
    maxHandshakes: whole('MAX_HANDSHAKES', 64, 1),
    connectTimeoutS: number('CONNECT_TIMEOUT_S', 10, 0.1),
    /** From the first handshake to the first message: the ramp and a second for stragglers. */
    connectS: number('CONNECT_S', Math.ceil(subscribers / connectRate) + 1, 0.1),
    warmupS: number('WARMUP_S', 2),
    durationS: number('DURATION_S', 10, 0.1),
    /** How long a subscriber that misses messages waits for them after the last one was due. */
    drainS: number('DRAIN_S', 5),
    /** Each VU has one event loop on at most one core; VUs beyond about two a core only cost memory. */
    vus: Math.min(Math.max(steady, 1), whole('VUS', Math.min(8, Math.ceil(subscribers / 50)), 1)),
    slo: __ENV.SLO ?? '',
    /** Past these k6 itself was the bottleneck: docs/k6.md says how they were found. */
    maxHandlerLagMs: number('MAX_HANDLER_LAG_MS', 50, 1),
    maxSlipMs: number('MAX_SLIP_MS', 10, 1),
    /** Where handleSummary writes its JSON; empty: nowhere. */
    summaryFile: __ENV.SUMMARY ?? '',
    /** Set by `fanwire bench`: every VU prints what it saw as one line, histograms included. */
    report: __ENV.FANWIRE_REPORT === '1',
  };
}

/** The URL of a topic for connection number `connection`: several URLs (nodes of one cluster) take turns. */
export function topicUrl(settings: Settings, topic: number, connection: number): string {
  const pattern = settings.urls[connection % settings.urls.length] as string;
  return pattern.replace('{topic}', String(topic));
}

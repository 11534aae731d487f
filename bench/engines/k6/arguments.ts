// A plan as the k6 command line that plays it.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FanwireError } from '../../../src/protocol/codes.js';
import { MOST_PUBLISHERS } from '../../k6/lib/frame.js';
import type { Plan } from '../../scenarios/scenario.js';
import { type Target, topicUrl } from '../../targets/target.js';

/** Handshakes a second when the plan leaves the pace open. k6 needs the ramp's length in advance: its VUs share no state by
 *  which the last one could tell the publishers that all are connected. */
const UNPACED_CONNECT_RATE = 1000;

/** The bundled script of `scenario`; a scenario without one of its own is played by fan-out's, which knows every setting. */
function scriptOf(scenario: string): string {
  const folder = scriptsFolder();
  const own = join(folder, `${scenario}.ts`);
  return /^[a-z-]+$/.test(scenario) && existsSync(own) ? own : join(folder, 'fan-out.ts');
}

/** bench/k6 beside package.json: k6 reads TypeScript, so the scripts are shipped as they are. */
function scriptsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return join(folder, 'bench', 'k6');
}

export interface ArgumentOptions {
  /** Where handleSummary writes its JSON. */
  readonly summaryFile: string;
  /** Objective that k6 checks as thresholds, such as `p99<50ms,loss==0`; '' for none. */
  readonly slo: string;
  /** Further headers of each upgrade request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Local addresses to connect from; empty: the kernel's choice. */
  readonly localAddresses: readonly string[];
  /** Accept any TLS certificate. */
  readonly isInsecureAllowed: boolean;
}

/** Arguments for `k6` that play `plan`.
 *  @throws FanwireError FANWIRE_USAGE_K6_UNSUPPORTED when k6 cannot play it */
export function k6Arguments(plan: Plan, target: Target, options: ArgumentOptions): string[] {
  refuseUnsupported(plan, target);
  const settings: Record<string, string | number> = {
    FANWIRE_REPORT: 1,
    SUMMARY: options.summaryFile,
    SLO: options.slo,
    HEADERS: JSON.stringify(options.headers),
    URL: target.urls.map((url) => `${topicUrl(url, plan.topicPrefix)}{topic}`).join(','),
    SUBSCRIBERS: plan.subscribers,
    PUBLISHERS: Math.max(plan.publishers, 1),
    TOPICS: plan.topics,
    RATE: plan.publishers === 0 ? 0 : plan.rate,
    BURST: plan.burst,
    PAYLOAD_BYTES: plan.payloadBytes,
    BINARY: plan.binary ? 1 : 0,
    WARMUP_S: plan.warmupS,
    DURATION_S: plan.durationS,
    DRAIN_S: plan.drainS,
    CONNECT_RATE: plan.connectRate === 0 ? UNPACED_CONNECT_RATE : plan.connectRate,
    CONNECT_TIMEOUT_S: plan.connectTimeoutS,
    MAX_HANDSHAKES: plan.maxHandshakes,
    CHURN_RATE: plan.churnRate,
  };
  const pairs = Object.entries(settings).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  // Without the system's own variables: a TOPICS or RATE that somebody exported must not change the plan.
  const fixed = ['run', '--quiet', '--no-usage-report', '--include-system-env-vars=false', '--log-format=json'];
  const tls = options.isInsecureAllowed ? ['--insecure-skip-tls-verify'] : [];
  const from = options.localAddresses.length === 0 ? [] : [`--local-ips=${options.localAddresses.join(',')}`];
  return [...fixed, ...tls, ...from, ...pairs, scriptOf(plan.scenario)];
}

function refuseUnsupported(plan: Plan, target: Target): void {
  const refuse = (what: string) => {
    throw new FanwireError('FANWIRE_USAGE_K6_UNSUPPORTED', `the k6 engine cannot play ${what}: use --engine native`);
  };
  if (target.dialect !== 'raw') refuse(`the dialect ${target.dialect} (raw only)`);
  if (plan.publishers > MOST_PUBLISHERS) refuse(`${plan.publishers} publishers (at most ${MOST_PUBLISHERS})`);
  if (plan.stormFraction > 0) refuse(`stormFraction ${plan.stormFraction} (reconnect-storm)`);
  if (plan.stalledSubscribers > 0) refuse(`stalledSubscribers ${plan.stalledSubscribers}: k6 always reads its sockets`);
}

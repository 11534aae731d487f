// Translates a plan into the k6 command line and environment that play it.
//
// Settings go through the environment: everybody on a machine can read a command line, and headers and URLs hold
// tokens. Settings of the caller's environment that are meant for another k6 (K6_DURATION, K6_OUT, a config file, an
// exported RATE) must not reach this one: it would play another plan, or fail to start.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FanwireError } from '../../../src/base/error.js';
import type { OwnSetting } from '../../k6/lib/names.js';
import { k6Keys, parameter, parameterKeys, settingOf } from '../../k6/lib/parameters.js';
import { MAX_PUBLISHERS } from '../../k6/lib/stamp.js';
import type { Plan } from '../../scenarios/scenario.js';
import { type Target, topicUrl } from '../../targets/target.js';

/** Handshakes per second when the plan does not set a rate. k6 needs the ramp's length in advance: its VUs share no
 *  state, so they cannot tell the publishers when all are connected. */
const UNPACED_CONNECT_RATE = 1000;

/** The bundled script of `scenario`. A scenario without a script is played by fan-out.ts, which knows every setting. */
function scriptOf(scenario: string): string {
  const folder = scriptsFolder();
  const own = join(folder, `${scenario}.ts`);
  return /^[a-z-]+$/.test(scenario) && existsSync(own) ? own : join(folder, 'fan-out.ts');
}

/** bench/k6 beside package.json. The scripts are shipped as TypeScript, because k6 reads it. */
function scriptsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return join(folder, 'bench', 'k6');
}

export interface ArgumentOptions {
  /** Where handleSummary writes its JSON. */
  readonly summaryFile: string;
  /** An empty configuration, so that the user's own (~/.config/k6) is not read. */
  readonly configFile: string;
  /** Objective that k6 checks as thresholds, such as `p99<50ms,loss==0`; '' for none. */
  readonly slo: string;
  /** Additional headers of each upgrade request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Local addresses to connect from; empty: the kernel chooses. */
  readonly localAddresses: readonly string[];
  /** Accept any TLS certificate. */
  readonly isInsecureAllowed: boolean;
}

export interface Invocation {
  readonly args: readonly string[];
  /** The whole environment of k6. */
  readonly env: NodeJS.ProcessEnv;
}

/** How k6 is started to play `plan`. `surroundings` is the environment of this process.
 *  @throws FanwireError FANWIRE_USAGE_K6_UNSUPPORTED when k6 cannot play it */
export function k6Invocation(
  plan: Plan,
  target: Target,
  options: ArgumentOptions,
  surroundings: NodeJS.ProcessEnv = process.env,
): Invocation {
  refuseUnsupported(plan, target);
  const own: Partial<Record<OwnSetting, string>> = {
    FANWIRE_REPORT: '1',
    SUMMARY: options.summaryFile,
    SLO: options.slo,
    HEADERS: JSON.stringify(options.headers),
    URL: target.urls.map((url) => `${topicUrl(url, plan.topicPrefix)}{topic}`).join(','),
  };
  const fixed = ['run', '--quiet', '--no-usage-report', '--include-system-env-vars=true', '--log-format=json'];
  const config = ['--config', options.configFile];
  const tls = options.isInsecureAllowed ? ['--insecure-skip-tls-verify'] : [];
  const from = options.localAddresses.length === 0 ? [] : [`--local-ips=${options.localAddresses.join(',')}`];
  return {
    args: [...fixed, ...config, ...tls, ...from, scriptOf(plan.scenario)],
    env: { ...ownEnvironment(surroundings), ...own, ...settingsOf(plan) },
  };
}

/** Only those variables of this process's environment that neither k6 nor our scripts read as a setting. */
function ownEnvironment(surroundings: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(surroundings).filter(([name]) => INHERITED.test(name));
  return {
    // Go's garbage collector took a third of k6's CPU at 16,000 deliveries/s; a larger heap costs less.
    GOGC: '400',
    ...Object.fromEntries(kept),
    // Our scripts import only k6's own modules, so k6 need not ask a build service for extensions.
    K6_AUTO_EXTENSION_RESOLUTION: 'false',
  };
}

/** What the system, Go's runtime and TLS need, and the proxy settings, which apply to WebSockets too. */
const INHERITED =
  /^(PATH|HOME|USER|LANG|LC_.*|TZ|TMPDIR|TEMP|TMP|GO[A-Z]+|SSL_CERT_(FILE|DIR)|XDG_.*|SYSTEMROOT|(HTTPS?|NO|ALL)_PROXY)$/i;

/** The plan as k6 settings. Values that k6 cannot express are replaced by equivalent ones: no publishers as rate 0, an
 *  unlimited connect rate as a fixed one. */
function settingsOf(plan: Plan): Record<string, string> {
  const played: Plan = {
    ...plan,
    publishers: Math.max(plan.publishers, 1),
    rate: plan.publishers === 0 ? 0 : plan.rate,
    connectRate: plan.connectRate === 0 ? UNPACED_CONNECT_RATE : plan.connectRate,
  };
  return Object.fromEntries(k6Keys.map((key) => [settingOf(key), String(played[key])]));
}

function refuseUnsupported(plan: Plan, target: Target): void {
  const refuse = (what: string) => {
    throw new FanwireError('FANWIRE_USAGE_K6_UNSUPPORTED', `the k6 engine cannot play ${what}: use --engine native`);
  };
  if (target.dialect !== 'raw') refuse(`the dialect ${target.dialect} (raw only)`);
  if (plan.publishers > MAX_PUBLISHERS) refuse(`${plan.publishers} publishers (at most ${MAX_PUBLISHERS})`);
  for (const key of parameterKeys) {
    const { k6, default: initial } = parameter(key);
    if (k6 === undefined || !('refused' in k6) || plan[key] === initial) continue;
    refuse(`${key} ${plan[key]}: ${k6.refused}`);
  }
}

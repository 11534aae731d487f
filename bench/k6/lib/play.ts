// Turns settings into what k6 expects of a script: options with one k6 scenario for each role, setup and summary.

import exec from 'k6/execution';
import type { Options, Scenario } from 'k6/options';
import { seconds } from './amounts.ts';
import { churn, churnVus } from './churn.ts';
import { type Thresholds, thresholds } from './metrics.ts';
import { printLine } from './observed.ts';
import { publish, publisherVus } from './publisher.ts';
import { type Timeline, timelineFrom } from './schedule.ts';
import type { Defaults } from './settings.ts';
import { readSettings } from './settings.ts';
import { subscribe } from './subscriber.ts';
import { type K6Summary, summarize, TREND_STATS } from './summary.ts';

/** Added to the planned duration: k6 waits up to 60 s for a handshake, and a saturated VU must process its queue. */
const OVERTIME_S = 30;

/** All exports of a k6 script, for one scenario with these defaults. `further` thresholds are added to the script's
 *  own: `play('fan-out', {}, { fanwire_connecting: ['p(99)<500'] })`. */
export function play(scenario: string, defaults: Defaults, further: Thresholds = {}) {
  const settings = readSettings(scenario, defaults);
  const plannedS = timelineFrom(0, settings).endAt / 1000;

  const roles = {
    subscribers: settings.steady === 0 ? 0 : settings.vus,
    visitors: churnVus(settings),
    publishers: publisherVus(settings),
  };
  const maxDurationS = Math.ceil(plannedS + OVERTIME_S);
  const judgedBy = together(thresholds(settings, roles.subscribers + roles.visitors + roles.publishers), further);
  const role = (exec: string, vus: number): { [name: string]: Scenario } =>
    vus === 0
      ? {}
      : {
          [exec]: {
            executor: 'per-vu-iterations',
            exec,
            vus,
            iterations: 1,
            maxDuration: `${maxDurationS}s`,
            gracefulStop: '0s',
          },
        };
  const options: Options = {
    scenarios: {
      ...role('subscribers', roles.subscribers),
      ...role('visitors', roles.visitors),
      ...role('publishers', roles.publishers),
    },
    thresholds: judgedBy,
    summaryTrendStats: TREND_STATS,
    // k6 keeps one time series per set of tags. None of the other tags is useful here, and each delivery would carry
    // them.
    systemTags: ['scenario'],
  };
  return {
    options,
    setup: (): Timeline => {
      requirePlanned({ roles, maxDurationS, thresholds: judgedBy });
      const timeline = timelineFrom(Date.now(), settings);
      printLine(settings, { kind: 'timeline', ...timeline, ...roles });
      return timeline;
    },
    /** k6 looks for this when --vus, --duration, --iterations or --stage has replaced the script's scenarios. It does
     *  nothing, because setup() has refused the run by then. */
    default: () => {},
    subscribers: (timeline: Timeline) => subscribe(settings, timeline),
    visitors: (timeline: Timeline) => churn(settings, timeline),
    publishers: (timeline: Timeline) => publish(settings, timeline),
    handleSummary: (data: K6Summary) => summarize(settings, data),
  };
}

function together(ours: Thresholds, further: Thresholds): Thresholds {
  const all: Thresholds = { ...ours };
  for (const [metric, expressions] of Object.entries(further)) all[metric] = [...(all[metric] ?? []), ...expressions];
  return all;
}

/** What k6 should do according to the current settings. */
interface Planned {
  /** VUs by role; a role with none gets no k6 scenario. */
  readonly roles: { readonly [role: string]: number };
  readonly maxDurationS: number;
  readonly thresholds: Thresholds;
}

/** Refuses a run whose VUs and thresholds do not match its settings. k6 prefers options from its own flags and K6_
 *  variables to the script's, and an archive keeps the options from when it was made. The settings would then only be
 *  played in part, or other thresholds would apply. (The script's own `options` do not help: k6 empties their scenarios
 *  after reading them.) */
function requirePlanned({ roles, maxDurationS, thresholds: byMetric }: Planned): void {
  const { scenarios = {}, thresholds: judged = {} } = exec.test.options;
  const names = Object.keys(roles).filter((name) => (roles[name] as number) > 0);
  if (Object.keys(scenarios).sort().join() !== names.sort().join()) {
    throw new Error(
      "k6's own --vus, --duration, --iterations and --stage (or their K6_ variables) replace what this script plays: use SUBSCRIBERS, RATE, DURATION_S and STAGES",
    );
  }
  const isSame = names.every((name) => {
    const { vus, maxDuration } = scenarios[name] as { vus?: number; maxDuration?: string };
    return vus === roles[name] && seconds(maxDuration ?? '') === maxDurationS;
  });
  const isJudged = Object.entries(byMetric).every(([metric, expressions]) => {
    const actual = (judged[metric] ?? []).map((one) => (typeof one === 'string' ? one : one.threshold));
    return expressions.every((expression) => actual.includes(expression));
  });
  if (isSame && isJudged) return;
  throw new Error(
    'this archive was made with other settings, and k6 keeps their VUs and thresholds: give settings to `k6 archive`, and only URL, TOKEN and HEADERS to `k6 run`',
  );
}

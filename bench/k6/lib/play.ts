// Turns settings into what k6 wants of a script: options with one k6 scenario for each role, setup and summary.

import type { Options, Scenario } from 'k6/options';
import { churn, churnVus } from './churn.ts';
import { thresholds } from './metrics.ts';
import { printLine } from './observed.ts';
import { publish, publisherVus } from './publisher.ts';
import { type Timeline, timelineFrom } from './schedule.ts';
import type { Defaults } from './settings.ts';
import { readSettings } from './settings.ts';
import { subscribe } from './subscriber.ts';
import { type K6Summary, summarize, TREND_STATS } from './summary.ts';

/** Past the planned end: k6 gives a handshake up to 60 s, and a saturated VU works through its queue. */
const OVERTIME_S = 30;

/** Everything a k6 script exports, for one scenario with these defaults. */
export function play(scenario: string, defaults: Defaults) {
  const settings = readSettings(scenario, defaults);
  const plannedS = settings.connectS + settings.warmupS + settings.durationS + settings.drainS;

  const roles = {
    subscribers: settings.steady === 0 ? 0 : settings.vus,
    visitors: churnVus(settings),
    publishers: publisherVus(settings),
  };
  const role = (exec: string, vus: number): { [name: string]: Scenario } =>
    vus === 0
      ? {}
      : {
          [exec]: {
            executor: 'per-vu-iterations',
            exec,
            vus,
            iterations: 1,
            maxDuration: `${Math.ceil(plannedS + OVERTIME_S)}s`,
            gracefulStop: '0s',
          },
        };
  const options: Options = {
    scenarios: {
      ...role('subscribers', roles.subscribers),
      ...role('visitors', roles.visitors),
      ...role('publishers', roles.publishers),
    },
    thresholds: thresholds(settings),
    summaryTrendStats: TREND_STATS,
    // k6 keeps one time series for each set of tags; none of these tell anything here, and each delivery would carry them.
    systemTags: ['scenario'],
  };
  return {
    options,
    setup: (): Timeline => {
      const timeline = timelineFrom(Date.now(), settings);
      printLine(settings, { kind: 'timeline', ...timeline, ...roles });
      return timeline;
    },
    subscribers: (timeline: Timeline) => subscribe(settings, timeline),
    visitors: (timeline: Timeline) => churn(settings, timeline),
    publishers: (timeline: Timeline) => publish(settings, timeline),
    handleSummary: (data: K6Summary) => summarize(settings, data),
  };
}

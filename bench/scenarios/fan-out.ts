// One topic, one publisher, many subscribers: what a message costs when it goes to all of them.

import type { Scenario } from './scenario.js';

export const fanOut: Scenario = {
  name: 'fan-out',
  summary: 'one publisher, 500 subscribers of one topic, 100 msg/s',
  explains:
    'Latency from due time to each subscriber, and server CPU per delivery. The last subscriber of a message hears it after all ' +
    'others were served, so p99 grows with --subscribers even on an idle server.',
  defaults: {},
};

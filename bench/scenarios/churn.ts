// Subscribers that join and leave under load.

import type { Scenario } from './scenario.js';

export const churn: Scenario = {
  name: 'churn',
  summary: '500 subscribers of which 50 a second are replaced, 100 msg/s',
  explains:
    'What leaving and joining do to the latency of those who stay. A newcomer is owed every message from the first it hears, one that ' +
    'leaves every message up to the last it heard; within that nothing may be missing.',
  defaults: { churnRate: 50 },
};

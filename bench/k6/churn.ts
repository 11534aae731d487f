// Subscribers that join and leave while messages are published to one topic.

import { play } from './lib/play.ts';

const script = play('churn', {
  subscribers: 200,
  rate: 20,
  churnRate: 50,
});

export const { options, setup, subscribers, visitors, publishers, handleSummary } = script;
export default script.default;

// Subscribers that come and go while one topic is published to.

import { play } from './lib/play.ts';

const script = play('churn', {
  subscribers: 200,
  rate: 20,
  churnRate: 50,
});

export const { options, setup, subscribers, visitors, publishers, handleSummary } = script;
export default script.default;

// Messages that are due at the same time: bursts of 16 on one topic.

import { play } from './lib/play.ts';

const script = play('burst', {
  subscribers: 50,
  rate: 32,
  burst: 16,
});

export const { options, setup, subscribers, visitors, publishers, handleSummary } = script;
export default script.default;

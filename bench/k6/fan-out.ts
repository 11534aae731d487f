// One topic, many subscribers: every message goes to all of them.

import { play } from './lib/play.ts';

export const { options, setup, subscribers, visitors, publishers, handleSummary } = play('fan-out', {
  subscribers: 100,
  rate: 50,
});

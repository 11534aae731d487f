// One topic, many subscribers: every message goes to all of them.

import { play } from './lib/play.ts';

const script = play('fan-out', {
  subscribers: 100,
  rate: 50,
});

export const { options, setup, subscribers, visitors, publishers, handleSummary } = script;
export default script.default;

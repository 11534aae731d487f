// Many small rooms: 100 topics with a few subscribers and one publisher each.

import { play } from './lib/play.ts';

const script = play('many-topics', {
  subscribers: 400,
  topics: 100,
  publishers: 100,
  rate: 500,
});

export const { options, setup, subscribers, visitors, publishers, handleSummary } = script;
export default script.default;

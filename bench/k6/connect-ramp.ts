// Handshakes only: connections open at a fixed rate and are then held; nothing is published.

import { play } from './lib/play.ts';

const script = play('connect-ramp', {
  subscribers: 1000,
  connectRate: 500,
  rate: 0,
});

export const { options, setup, subscribers, visitors, publishers, handleSummary } = script;
export default script.default;

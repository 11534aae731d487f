// Bursts: many messages of one publisher are due at the same time, as when a game server ticks or a feed catches up.

import type { Scenario } from './scenario.js';

export const burst: Scenario = {
  name: 'burst',
  summary: 'ten bursts a second of 64 messages of 64 bytes to 500 subscribers',
  explains:
    'All messages of a burst are due at once, so the latency of the last one is the time the server needs for the whole burst: p99 shows ' +
    'how well it batches. A relay that sends one message at a time is 20 to 37 times slower here than one that batches.',
  defaults: { rate: 640, burst: 64, payloadBytes: 64 },
};

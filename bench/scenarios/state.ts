// Topics whose readers need the newest state, not every message: prices, positions, scores.

import type { Scenario } from './scenario.js';

export const state: Scenario = {
  name: 'state',
  summary: '20 keys updated 50 times a second each, 100 subscribers, windows of 100 ms with the newest of each key',
  explains:
    'Staleness: how old the newest state of a key is that a subscriber has when the next one arrives, over all subscribers and keys. ' +
    'Without a window it is the time between two updates of a key and the latency; with one, the window and an update. What a newer state ' +
    'took the place of before it was delivered is conflated, not lost; lost is what a key ended with and a subscriber never got. ' +
    '--deliver "" sends every message, --deliver 20ms,latest-by-key:, other windows; servers that are not started here do as they do.',
  defaults: {
    subscribers: 100,
    rate: 1000,
    keys: 20,
    payloadBytes: 64,
    deliver: '100ms,latest-by-key:,',
    durationS: 8,
  },
  compared: { durationS: 2 },
};

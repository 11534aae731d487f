// Many small rooms: routing and per-topic bookkeeping instead of raw fan-out.

import type { Scenario } from './scenario.js';

export const manyTopics: Scenario = {
  name: 'many-topics',
  summary: '400 topics of 5 subscribers, one publisher each, 2,000 msg/s in all',
  explains:
    'Each message goes to few: the cost of receiving, looking up the topic and starting a send dominates, where fan-out shows the cost ' +
    'of sending. A message on the wrong topic makes the run invalid.',
  defaults: { subscribers: 2000, topics: 400, publishers: 400, rate: 2000 },
};

// Some subscribers stop reading: how that affects the others, and the server's memory.

import type { Scenario } from './scenario.js';

export const slowConsumer: Scenario = {
  name: 'slow-consumer',
  summary: '200 subscribers beside 100 that never read, 100 msg/s of 8 KiB',
  explains:
    'Only those that read are expected to hear everything, so a loss here is real. Memory shows what the server kept for those that do ' +
    'not; stalledClosed in the parameters is how many of them it closed. The kernel alone buffers some megabytes per connection.',
  defaults: { subscribers: 200, stalledSubscribers: 100, payloadBytes: 8192 },
};

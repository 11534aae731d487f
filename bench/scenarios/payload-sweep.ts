// The same fan-out with growing messages.

import type { Scenario } from './scenario.js';

export const payloadSweep: Scenario = {
  name: 'payload-sweep',
  summary: '100 subscribers, 100 msg/s, messages of 64 bytes to 64 KiB',
  explains:
    'One run for each size, each with connections of its own; the figures on top are of all runs together, the steps below are what to ' +
    'read. From about 16 KiB on, copying dominates.',
  defaults: { subscribers: 100, warmupS: 1, durationS: 2 },
  sweep: { param: 'payloadBytes', values: [64, 1024, 4096, 16_384, 65_536], unit: 'bytes' },
};

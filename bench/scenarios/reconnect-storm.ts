// Half of the subscribers lose their connection at once and reconnect at once, as after a short network failure.

import type { Scenario } from './scenario.js';

export const reconnectStorm: Scenario = {
  name: 'reconnect-storm',
  summary: '2,000 subscribers, half of them cut at once and back as fast as they can, 50 msg/s',
  explains:
    'stormRecoveredMs in the parameters is the time from the cut until all are back; latency over time shows what it did to the ' +
    'half that stayed. Raise --max-handshakes to make the storm fiercer.',
  defaults: { subscribers: 2000, rate: 50, durationS: 9, stormFraction: 0.5, maxHandshakes: 256 },
};

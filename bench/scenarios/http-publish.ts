// Publishing over HTTP, as a backend without a WebSocket does.

import type { Scenario } from './scenario.js';

export const httpPublish: Scenario = {
  name: 'http-publish',
  summary: '1,000 POST /publish/<topic> a second over 10 connections, nobody listening',
  explains:
    'Latency is from a request to its whole answer; "delivered" counts answers with 2xx. Played by autocannon, whose connections ' +
    'each wait for their answer: with --rate 0 the loop is closed and a stall counts once per connection, with a rate latencies are ' +
    'corrected for the requests that a stall kept back.',
  engine: 'autocannon',
  defaults: { subscribers: 0, publishers: 10, rate: 1000, topics: 10, warmupS: 1 },
};

// Connections that do nothing: memory, and CPU for keeping them alive.

import type { Scenario } from './scenario.js';

export const idleHold: Scenario = {
  name: 'idle-hold',
  summary: '5,000 connections held for 15 seconds, nothing published',
  explains:
    'Memory per connection and the CPU of holding them. Hold for longer than the idle timeout (--duration 180) to see pings; ' +
    'a connection that the server closed meanwhile fails the run.',
  defaults: { subscribers: 5000, publishers: 0, rate: 0, warmupS: 1, durationS: 15, drainS: 0 },
};

// Handshakes only: how fast the server accepts connections, and how much memory each one costs.

import type { Scenario } from './scenario.js';

export const connectRamp: Scenario = {
  name: 'connect-ramp',
  summary: '5,000 connections, at most 64 handshakes in flight, nothing published',
  explains:
    'Connect time is from connect() to the completed upgrade. With --connect-rate 0 the ramp runs as fast as --max-handshakes allows, so ' +
    'connect p50 is that number divided by what the server (or the generator) takes per second; set a rate to see the latency of one.',
  defaults: { subscribers: 5000, publishers: 0, rate: 0, warmupS: 0, durationS: 1, drainS: 0 },
};

// The highest rate that the server sustains before it misses an objective.

import type { Scenario } from './scenario.js';

export const maxRate: Scenario = {
  name: 'max-rate',
  summary: 'the highest rate to 500 subscribers that holds p99<20ms with nothing lost',
  explains:
    'Doubles the rate from run to run until the objective (--slo) breaks, then halves the gap. The figures on top are those of the highest ' +
    'rate that held. If the generator gives up first, the run is invalid: the limit found would be its own.',
  defaults: { warmupS: 1, durationS: 3, drainS: 2 },
  search: { slo: 'p99<20ms,loss==0', minRate: 100, maxRate: 200_000, precision: 0.1 },
};

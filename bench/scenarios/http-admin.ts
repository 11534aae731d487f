// The admin routes that a monitoring system polls.

import type { Scenario } from './scenario.js';

export const httpAdmin: Scenario = {
  name: 'http-admin',
  summary: '150 GETs a second of /healthz, /readyz, /metrics and /stats in turn, over 2 connections',
  explains:
    'What a scrape costs the relay, and how long a health check waits. Run it with --url and --admin-url against a relay that carries ' +
    'load, since an idle one answers at once. Played by autocannon on the admin port.',
  engine: 'autocannon',
  paths: ['/healthz', '/readyz', '/metrics', '/stats'],
  defaults: { subscribers: 0, publishers: 2, rate: 150, warmupS: 1 },
};

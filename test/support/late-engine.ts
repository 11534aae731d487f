// An engine that only says that it was late, and a target that is never spoken to: no machine is late on demand.

import type { Engine, EngineReport } from '../../bench/engines/engine.js';
import { newLatencyHistogram, recordLatencyUs } from '../../bench/measure/histogram.js';
import type { Target } from '../../bench/targets/target.js';

export const silentTarget: Target = {
  name: 'x',
  version: '',
  cmd: 'x',
  urls: ['ws://127.0.0.1:1'],
  dialect: 'raw',
  pids: [],
  stop: async () => {},
};

/** 200 messages to 10 subscribers at 15 ms each, sent 12 ms late. */
export function lateEngine(overrides: Partial<EngineReport> = {}): Engine {
  const latencyUs = newLatencyHistogram();
  recordLatencyUs(latencyUs, 15_000, 2000);
  const report: EngineReport = {
    connections: { requested: 11, opened: 11, failed: 0, connectUs: newLatencyHistogram(), failures: [] },
    published: 200,
    expected: 2000,
    delivered: 2000,
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    measuredS: 10,
    latencyUs,
    series: [],
    generator: { cpu: 0.97, scheduleSlipMs: { p99: 12, max: 14 }, eventLoopDelayMs: { p99: 1 } },
    invalidReasons: [],
    delayReasons: [],
    serverFaults: [],
    remarks: [],
    extra: {},
    ...overrides,
  };
  return { name: 'native', play: async () => report };
}

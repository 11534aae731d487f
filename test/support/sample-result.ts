// A whole, valid result for tests of schema and reports: what a short fan-out run really gives, made from a seed.

import { newLatencyHistogram, recordLatencyUs, summarizeLatency } from '../../bench/measure/histogram.js';
import { RESULT_SCHEMA, type Result } from '../../bench/result/result.js';

/** A result of 500 subscribers at 100 msg/s for ten seconds. `slowness` multiplies its latency. */
export function sampleResult(slowness = 1, overrides: Partial<Result> = {}): Result {
  const random = seeded(7);
  const histogram = newLatencyHistogram();
  const series: Result['series'] = [];
  const ramp = 2000;
  for (let t = 200; t <= ramp; t += 200) {
    series.push({
      t,
      deliveries: 0,
      p50: null,
      p99: null,
      serverCpu: 0.4,
      serverRss: rss(t / ramp),
      connections: t / 4,
    });
  }
  let deliveries = 0;
  for (let i = 0; i < 50; i++) {
    const interval = newLatencyHistogram();
    for (let n = 0; n < 1000; n++) {
      const us = slowness * (900 + 600 * (-Math.log(1 - random())) ** 1.4);
      recordLatencyUs(interval, us, 10);
    }
    histogram.add(interval);
    deliveries += interval.totalCount;
    const { p50, p99 } = summarizeLatency(interval);
    const t = ramp + (i + 1) * 200;
    const serverCpu = 0.5 + 0.1 * random();
    series.push({ t, deliveries: interval.totalCount, p50, p99, serverCpu, serverRss: rss(1), connections: 500 });
  }
  return {
    schema: RESULT_SCHEMA,
    scenario: 'fan-out',
    engine: 'native',
    startedAt: '2026-11-24T06:00:00Z',
    target: { name: 'fanwire', version: '0.1.0', cmd: 'fanwire serve --port 9001' },
    host: { cpu: 'Test CPU', cores: 2, node: 'v20.20.2', kernel: '6.1.0' },
    params: { subscribers: 500, publishers: 1, rate: 100, burst: 1, payloadBytes: 64, durationS: 10 },
    connections: { requested: 500, opened: 500, failed: 0, connectMs: { p50: 1.2, p99: 4.8, max: 9.1 } },
    published: 1000,
    expected: deliveries,
    delivered: deliveries,
    lost: 0,
    duplicated: 0,
    outOfOrder: 0,
    deliveriesPerSecond: deliveries / 10,
    latencyMs: summarizeLatency(histogram),
    series,
    server: { cpuSeconds: 5.5, cpuPerMillionDeliveries: 11, rssMax: rss(1), rssPerConnection: 5200 },
    generator: { cpu: 0.42, scheduleSlipMs: { p99: 0.6, max: 2.1 }, eventLoopDelayMs: { p99: 1.3 } },
    valid: true,
    invalidReasons: [],
    ...overrides,
  };
}

function rss(fill: number): number {
  return Math.round(60e6 + fill * 2.6e6);
}

/** mulberry32: a small generator with a fixed seed, so that every test sees the same figures. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// What the live page makes of two answers of /stats: rates over the time between them, percentiles of what was new.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_STATUS } from '../../../src/bus/bus.js';
import { certificateNote } from '../../../src/http/live/certificate-note.js';
import { hostnameOf, relayUrl } from '../../../src/http/live/relay-url.js';
import { percentile, Sampler } from '../../../src/http/live/sample.js';
import type { StatsReport } from '../../../src/http/stats-report.js';
import { BUCKET_BOUNDS, Distribution } from '../../../src/relay/watch/distribution.js';

interface Given {
  readonly atS: number;
  readonly published?: number;
  readonly flushesUs?: readonly number[];
  readonly pid?: number;
}

function report({ atS, published = 0, flushesUs = [], pid = 1 }: Given): StatsReport {
  const flushes = new Distribution();
  for (const us of flushesUs) flushes.observe(us);
  const total = {
    connections: 3,
    opened: published,
    closed: 0,
    handshakes: 0,
    topics: 1,
    published,
    publishedBytes: published * 10,
    delivered: published * 2,
    deliveredBytes: published * 20,
    dropped: 0,
    slowConsumers: 0,
    lagging: 0,
    rejected: {},
    cut: {},
    refused: {},
    crossed: { forwarded: 0, received: 0, lost: 0 },
    fanOut: new Distribution().toJSON(),
    publishToFlushUs: flushes.toJSON(),
    loopLagMs: 1,
  } as unknown as StatsReport['total'];
  return {
    schema: 'fanwire.stats/1',
    version: '1',
    pid,
    now: new Date(1.8e12 + atS * 1000).toISOString(),
    startedAt: new Date(1.8e12).toISOString(),
    uptimeS: atS,
    ready: true,
    notReady: [],
    relay: {
      host: '127.0.0.1',
      port: 9001,
      tls: false,
      tlsExpiresAt: null,
      auth: 'none',
      origins: [],
      maxConnections: 0,
    },
    rules: { history: [], state: [], deliver: [] },
    process: { rssBytes: 1, heapUsedBytes: 1, cpuS: atS / 2 },
    workerRestarts: 0,
    cluster: { ...NO_STATUS, forwarded: published },
    total,
    workers: [{ ...total, worker: 0, startedAtMs: 0 }],
  };
}

test('rates are what came between two answers, over the time between them', () => {
  const sampler = new Sampler();
  const first = sampler.next(report({ atS: 1, published: 1000 }));
  assert.deepEqual([first.connections, first.publishedPerS, first.cpuCores, first.p99Ms], [3, null, null, null]);
  const second = sampler.next(report({ atS: 3, published: 1500 }));
  assert.deepEqual(
    [second.publishedPerS, second.deliveredPerS, second.bytesOutPerS, second.cpuCores, second.forwardedPerS],
    [250, 500, 5000, 0.5, 250],
  );
  assert.equal(second.workers[0]?.publishedPerS, 250);
});

test('a relay that was started anew is a new beginning, not a fall', () => {
  const sampler = new Sampler();
  sampler.next(report({ atS: 1, published: 1000 }));
  assert.equal(sampler.next(report({ atS: 2, published: 5, pid: 2 })).publishedPerS, null);
  assert.equal(sampler.next(report({ atS: 3, published: 12, pid: 2 })).publishedPerS, 7);
});

test('latency counts what was observed since the last answer, and looks back further where that is little', () => {
  const slow = Array<number>(30).fill(60_000);
  const fast = Array<number>(30).fill(100);
  const sampler = new Sampler();
  sampler.next(report({ atS: 1, flushesUs: slow }));
  const { p99Ms } = sampler.next(report({ atS: 2, flushesUs: [...slow, ...fast] }));
  assert.ok(p99Ms !== null && p99Ms > 0.064 && p99Ms <= 0.128, String(p99Ms));
  const one = sampler.next(report({ atS: 3, flushesUs: [...slow, ...fast, 60_000] }));
  assert.ok((one.p50Ms ?? 0) <= 0.128 && (one.p99Ms ?? 0) > 32, 'one observation is joined with the 30 before');
  assert.equal(sampler.next(report({ atS: 30, flushesUs: [...slow, ...fast, 60_000] })).p99Ms, null);
});

test('a percentile lies in the bucket of the value that has its rank', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 2 ** 23 }), { minLength: 1, maxLength: 200, size: 'max' }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, share) => {
        const distribution = new Distribution();
        for (const value of values) distribution.observe(value);
        const exact = values.toSorted((one, other) => one - other)[Math.ceil(share * values.length) - 1] as number;
        const estimate = percentile(distribution.toJSON().counts, share) as number;
        const bucket = BUCKET_BOUNDS.findIndex((bound) => exact <= bound);
        assert.ok(estimate <= (BUCKET_BOUNDS[bucket] as number) && estimate >= (BUCKET_BOUNDS[bucket - 1] ?? 0));
      },
    ),
  );
});

test('the relay is where the page came from, unless it listens on one address only', () => {
  const at = (host: string, tls = false) =>
    ({ host, port: 9001, tls, tlsExpiresAt: null, auth: 'none', origins: [], maxConnections: 0 }) as const;
  assert.equal(relayUrl(at('0.0.0.0'), 'relay.example.com'), 'ws://relay.example.com:9001');
  assert.equal(relayUrl(at('::', true), '[fd00::1]'), 'wss://[fd00::1]:9001');
  assert.equal(relayUrl(at('::1'), 'localhost'), 'ws://[::1]:9001');
  assert.equal(hostnameOf('Relay.example.com:9002'), 'relay.example.com');
  assert.equal(hostnameOf('[::1]:9002'), '[::1]');
  // A Host header goes into the page's policy: nothing that could add to it may pass.
  fc.assert(
    fc.property(fc.string(), (header) => {
      const name = hostnameOf(header);
      assert.ok(name === undefined || /^[a-z0-9._:[\]-]+$/.test(name));
    }),
  );
  assert.equal(hostnameOf("x; script-src 'unsafe-inline'"), undefined);
});

test('the page says of the certificate only when it ends soon', () => {
  const at = (tlsExpiresAt: string | null) =>
    certificateNote({
      now: '2026-06-01T00:00:00.000Z',
      relay: { host: '::', port: 1, tls: true, tlsExpiresAt, auth: 'none', origins: [], maxConnections: 0 },
    });
  assert.equal(at(null), '');
  assert.equal(at('2026-08-01T00:00:00.000Z'), '');
  assert.equal(at('2026-06-04T12:00:00.000Z'), 'certificate ends in 3 days');
  assert.equal(at('2026-06-02T12:00:00.000Z'), 'certificate ends in 1 day');
  assert.equal(at('2026-06-01T12:00:00.000Z'), 'certificate ends within a day');
  assert.equal(at('2026-05-31T00:00:00.000Z'), 'its certificate has ended');
});

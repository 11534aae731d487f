// The pure parts of the k6 scripts, run by Node: what k6 alone would hide in a wrong figure.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { aligned } from '../../../bench/k6/lib/aligned.js';
import { amount, bytes, milliseconds, seconds, share } from '../../../bench/k6/lib/amounts.js';
import { frame, frameWriter, readFrame } from '../../../bench/k6/lib/frame.js';
import { type Buckets, count, flat } from '../../../bench/k6/lib/histogram.js';
import { lighterCommand } from '../../../bench/k6/lib/lighter.js';
import { mistyped } from '../../../bench/k6/lib/names.js';
import { STAMP_BYTES } from '../../../bench/k6/lib/parameters.js';
import { messagesBy, secondOf } from '../../../bench/k6/lib/rate.js';
import { excusesDelay, parseSlo, type Term, toThreshold } from '../../../bench/k6/lib/slo.js';
import { MAX_PUBLISHERS, MAX_SEQUENCE } from '../../../bench/k6/lib/stamp.js';
import { urlPatterns } from '../../../bench/k6/lib/urls.js';
import { newLatencyHistogram, summarizeLatency } from '../../../bench/measure/histogram.js';
import { missedTerms, parseSlo as parseBenchSlo } from '../../../bench/result/slo.js';
import { sampleResult } from '../../support/sample-result.js';

describe('the k6 scripts', () => {
  test('a frame of any size, text or binary, gives back its publisher, sequence and due time to the microsecond', () => {
    const publisher = fc.integer({ min: 0, max: MAX_PUBLISHERS - 1 });
    // -1: of the warm-up.
    const sequences = fc.integer({ min: -1, max: MAX_SEQUENCE - 1 });
    const dueUs = fc.integer({ min: 0, max: 2 ** 51 });
    const size = fc.integer({ min: STAMP_BYTES, max: 4096 });
    fc.assert(
      fc.property(publisher, sequences, dueUs, size, fc.boolean(), (from, sequence, due, bytes, binary) => {
        const payload = frameWriter(from, bytes, binary)(sequence, due / 1000);
        assert.equal(typeof payload === 'string' ? payload.length : payload.byteLength, bytes);
        assert.ok(readFrame(payload));
        // The second subscriber of a topic hears the same.
        assert.ok(readFrame(payload));
        assert.equal(frame.publisher, from);
        assert.equal(frame.sequence, sequence);
        assert.ok(Math.abs(frame.dueAt * 1000 - due) <= 1);
      }),
    );
  });

  test('what is not a frame of theirs is refused, not misread', () => {
    assert.equal(readFrame('hello'), false);
    assert.equal(readFrame('{"op":"welcome","server":"another one"}'), false);
    assert.equal(readFrame(new ArrayBuffer(STAMP_BYTES - 1)), false);
    assert.equal(readFrame(new Float64Array([0.5, 1, 1]).buffer), false);
    assert.equal(readFrame(undefined), false);
  });

  test('a latency is kept to 0.1 % from a microsecond to half an hour, and none is dropped', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { minLength: 1 }), (latenciesUs) => {
        const buckets: Buckets = new Map();
        for (const us of latenciesUs) count(buckets, us / 1000);
        const kept = flat(buckets);
        let samples = 0;
        for (let i = 1; i < kept.length; i += 2) samples += kept[i] as number;
        assert.equal(samples, latenciesUs.length);
        for (const us of latenciesUs) {
          const near = kept.some((bucket, i) => i % 2 === 0 && bucket <= us && us - bucket <= us / 1000);
          assert.ok(near, `${us} µs is in no bucket within 0.1 %`);
        }
      }),
    );
  });

  test('an objective becomes the thresholds that k6 checks, a share of loss becoming a number of messages', () => {
    const planned = { deliveries: 50_000, durationS: 10 };
    const thresholds = parseSlo('p99<50ms, p99.9<=1s,mean<500us,loss<0.1%,loss==0,failed==0,deliveries/s>=4000');
    assert.deepEqual(
      thresholds.map((term) => toThreshold(term, planned)),
      [
        { metric: 'fanwire_latency', expression: 'p(99)<50' },
        { metric: 'fanwire_latency', expression: 'p(99.9)<=1000' },
        { metric: 'fanwire_latency', expression: 'avg<0.5' },
        { metric: 'fanwire_lost', expression: 'count<50' },
        { metric: 'fanwire_lost', expression: 'count==0' },
        { metric: 'fanwire_failed', expression: 'count==0' },
        { metric: 'fanwire_deliveries', expression: 'count>=40000' },
      ],
    );
    for (const wrong of ['p99<50', 'loss<5ms', 'latency<50ms', 'p99~50ms', 'p99<50%']) {
      assert.throws(
        () => parseSlo(wrong),
        (error: Error) => error.message.includes(wrong) && error.message.includes('p99<50ms,loss==0'),
      );
    }
  });

  test('the percentile of an objective may be any: what a result does not name comes out of its histogram', () => {
    const latencyUs = newLatencyHistogram();
    for (let us = 1; us <= 100_000; us++) latencyUs.recordValue(us);
    const result = { ...sampleResult(), published: 1000, latencyMs: summarizeLatency(latencyUs) };
    const missed = (slo: string) => missedTerms(parseBenchSlo(slo), result);
    assert.deepEqual(missed('p95<=95.1ms,p95>94.9ms,p50<50.1ms,max<100.1ms'), []);
    assert.deepEqual(missed('p95<90ms,p99.95<1s'), ['p95<90ms (measured 95.04 ms)', 'p99.95<1s (measured nothing)']);
    assert.equal(toThreshold(parseSlo('p95<90ms')[0] as Term, { deliveries: 1, durationS: 1 }).expression, 'p(95)<90');
  });

  test('a clock is never ahead, and after one undisturbed turn of the millisecond it is right, whatever disturbed it before', () => {
    const pauses = fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { maxLength: 20 });
    fc.assert(
      fc.property(pauses, fc.double({ min: 0, max: 1e6, noNaN: true }), (disturbances, startedAt) => {
        let time = startedAt;
        let pause = 0;
        const now = aligned(
          () => Math.floor(time),
          () => {
            // Pre-empted between the two reads.
            time += pause;
            return time - startedAt;
          },
        );
        for (pause of disturbances) assert.ok(now() <= time + 1e-6);
        pause = 0;
        for (let step = 0; step < 21; step++) {
          time += 0.05;
          now();
        }
        assert.ok(Math.abs(now() - time) < 0.06);
      }),
    );
  });

  test('a mistyped setting is named with its neighbour, and a variable of the job is left alone', () => {
    const named = (name: string) => mistyped({ [name]: '1' })[0]?.match(/did you mean (\w+)/)?.[1];
    const meant = {
      SUBSCRIBER: 'SUBSCRIBERS',
      SUBSCRIBRES: 'SUBSCRIBERS',
      DURATION: 'DURATION_S',
      PAYLOAD: 'PAYLOAD_BYTES',
      WARM_UP_S: 'WARMUP_S',
      RATES: 'RATE',
      slo: 'SLO',
      'connect-rate': 'CONNECT_RATE',
    };
    for (const [name, setting] of Object.entries(meant)) assert.equal(named(name), setting, name);
    const jobs = [
      'DATE',
      'PATH',
      'HOME',
      'FANWIRE',
      'FANWIRE_PORT',
      'K6_DURATION',
      'GOGC',
      'CI',
      'GITHUB_TOKEN',
      'RUNNER_TEMP',
    ];
    for (const name of jobs) assert.equal(named(name), undefined, name);
    for (const name of ['RATE', 'SLO', 'URL', 'TOKEN']) assert.equal(named(name), undefined, name);
  });

  test('the command to try plays half of the load with everything else as given, and repeats no query of a URL', () => {
    const settings = { scenario: 'fan-out', steady: 100, churners: 0, topics: 1, rate: 50, stages: [] };
    const given = { SUBSCRIBERS: '100', SLO: 'p99<50ms', URL: 'ws://h/t' };
    const command = lighterCommand({ ...settings, given });
    assert.match(command, /^k6 run \/.*bench\/k6\/fan-out\.ts -e SUBSCRIBERS=50 -e SLO='p99<50ms' -e URL=ws:\/\/h\/t$/);
    const few = lighterCommand({ ...settings, steady: 20, given: { URL: 'ws://h/t?token=x' } });
    assert.match(few, /fan-out\.ts -e URL="\$URL" -e RATE=25$/);
  });

  test('amounts are read as people write them, and anything else is no number', () => {
    const durations = {
      '30': 30,
      '30s': 30,
      '2m': 120,
      '500ms': 0.5,
      '1h': 3600,
      '1m30s': 90,
      '.5': 0.5,
      '250us': 0.00025,
      '7d': 604_800,
    };
    for (const [text, value] of Object.entries(durations)) assert.equal(seconds(text), value, text);
    const amounts = { '50': 50, '1k': 1000, '1.5k': 1500, '2m': 2_000_000, '100/s': 100, '1K': 1000 };
    for (const [text, value] of Object.entries(amounts)) assert.equal(amount(text), value, text);
    for (const [text, value] of Object.entries({ '128': 128, '1k': 1024, '64KiB': 65_536, '1.5k': 1536 })) {
      assert.equal(bytes(text), value, text);
    }
    for (const [text, value] of Object.entries({ '20%': 0.2, '.5': 0.5, '1': 1 }))
      assert.equal(share(text), value, text);
    assert.deepEqual([milliseconds('50'), milliseconds('50', 's'), milliseconds('0.3s')], [50, 50_000, 300]);
    for (const wrong of ['', ' ', 's', '-1', '1x', '1 2', '1m30', '0x10', '1e3', 'NaN', 'Infinity', '30s!', '1..5']) {
      for (const read of [seconds, milliseconds, amount, bytes, share])
        assert.ok(Number.isNaN(read(wrong)), `${read.name} ${wrong}`);
    }
  });

  test('the number of a topic ends the path of a URL, whatever query follows', () => {
    assert.deepEqual(urlPatterns('ws://h/x?token=a,b', 9), ['ws://h/x-{topic}?token=a,b']);
    assert.deepEqual(urlPatterns('ws://h/{topic}/y?t=1', 9), ['ws://h/{topic}/y?t=1']);
    assert.deepEqual(urlPatterns('ws://a/x?token=1, wss://b/y', 9), ['ws://a/x-{topic}?token=1', 'wss://b/y-{topic}']);
    assert.deepEqual(urlPatterns('ws://h/x?token=a', 1), ['ws://h/x?token=a']);
    const refused = /^Error: URL must start with ws:\/\/ or wss:\/\/, got http:\/\/b\/y$/;
    assert.throws(() => urlPatterns('ws://a/x,http://b/y?token=secret', 1), refused);
  });

  test('stages: every message has its instant, in order, and as many fall due by an instant as the rate has made by then', () => {
    const stage = fc.record({
      durationS: fc.double({ min: 0.5, max: 60, noNaN: true }),
      target: fc.integer({ min: 0, max: 2000 }),
    });
    const plan = fc.tuple(
      fc.integer({ min: 1, max: 500 }),
      fc.double({ min: 0, max: 5, noNaN: true }),
      fc.array(stage, { minLength: 1, maxLength: 5 }),
    );
    fc.assert(
      fc.property(plan, fc.double({ min: 0, max: 1, noNaN: true }), ([rate, warmupS, stages], part) => {
        const totalS = warmupS + stages.reduce((sum, { durationS }) => sum + durationS, 0);
        const total = messagesBy(totalS, rate, warmupS, stages);
        const at = secondOf(total * part, rate, warmupS, stages);
        assert.ok(at >= 0 && at <= totalS + 1e-6, `${at} of ${totalS}`);
        assert.ok(Math.abs(messagesBy(at, rate, warmupS, stages) - total * part) < 1e-3 * Math.max(1, total));
        assert.ok(secondOf(total * part * 0.9, rate, warmupS, stages) <= at + 1e-6);
      }),
      // Rounding once put the very last message after the end.
      { numRuns: 2000, examples: [[[1, 0, [{ durationS: 18.673778383789568, target: 110 }]], 1]] },
    );
    assert.equal(secondOf(1e9, 1, 0, [{ durationS: 1, target: 1 }]), Number.POSITIVE_INFINITY);
  });

  test('an objective that a late k6 can only make worse is told from one that it may flatter', () => {
    const bounded = (slo: string) => excusesDelay(parseSlo(slo));
    assert.deepEqual(['p99<50ms,loss==0', 'p50<=1s,deliveries/s>=100,failed==0'].map(bounded), [true, true]);
    assert.deepEqual(['p99>1ms', 'p99<50ms,deliveries/s<100', 'loss==0', ''].map(bounded), [
      false,
      false,
      false,
      false,
    ]);
  });
});

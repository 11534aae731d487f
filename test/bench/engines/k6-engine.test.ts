// The k6 engine with a real k6 and a real relay; without k6 these are skipped, and say so.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Phase } from '../../../bench/engines/engine.js';
import { k6Invocation } from '../../../bench/engines/k6/arguments.js';
import { findK6, k6Path } from '../../../bench/engines/k6/binary.js';
import { K6_DEFAULTS, type K6Options, k6Engine } from '../../../bench/engines/k6.js';
import { splitCores } from '../../../bench/measure/pinning.js';
import type { Result } from '../../../bench/result/result.js';
import { validateResult } from '../../../bench/result/result-validate.js';
import { parseSlo } from '../../../bench/result/slo.js';
import { playPlan } from '../../../bench/run/run.js';
import { PLAN_DEFAULTS, type Plan } from '../../../bench/scenarios/scenario.js';
import { startRelayTarget } from '../../../bench/targets/relay.js';
import type { Target } from '../../../bench/targets/target.js';

const QUICK: Plan = { ...PLAN_DEFAULTS, subscribers: 20, rate: 50, warmupS: 0.5, durationS: 3, drainS: 5 };

describe('the k6 engine', { skip: k6Path() === undefined ? 'k6 is neither on PATH nor in K6_BIN' : false }, () => {
  let relay: Target;
  before(async () => {
    relay = await startRelayTarget({ nodes: 1, workers: 1, dialect: 'raw', flags: [], cores: [], connections: 1000 });
  });
  after(() => relay?.stop());

  const run = async (plan: Partial<Plan>, options: Partial<K6Options> = {}): Promise<Result> => {
    const engine = k6Engine({ ...K6_DEFAULTS, ...options });
    const objective = options.slo === undefined ? [] : parseSlo(options.slo);
    const hooks = { progress: () => {}, signal: new AbortController().signal, objective };
    return validateResult(await playPlan(engine, { ...QUICK, ...plan }, relay, hooks), 'k6');
  };

  test('counts every delivery of a small run, loses none and times each of them', async () => {
    const result = await run({}, { slo: 'p99<10s,loss==0' });
    assert.equal(result.published, 150);
    assert.equal(result.expected, 150 * 20);
    assert.equal(result.delivered, 150 * 20);
    assert.deepEqual([result.lost, result.duplicated, result.outOfOrder], [0, 0, 0]);
    // The publisher is a connection too.
    assert.deepEqual([result.connections.opened, result.connections.failed], [21, 0]);
    assert.equal(
      result.series.reduce((sum, { deliveries }) => sum + deliveries, 0),
      result.delivered,
    );
    assert.ok((result.latencyMs.p50 as number) > 0);
    assert.ok((result.connections.connectMs.p99 as number) > 0);
    assert.doesNotMatch(String(result.params.k6ThresholdsCrossed), /fanwire_l/);
    // However busy the machine: what it added can only have made latencies longer.
    assert.deepEqual(result.invalidReasons, []);
  });

  test('spreads many topics, each message to the subscribers of its own only', async () => {
    const result = await run({
      scenario: 'many-topics',
      subscribers: 30,
      topics: 7,
      publishers: 14,
      rate: 140,
      binary: true,
    });
    assert.equal(result.published, 420);
    // 30 subscribers on 7 topics: two topics have five, five have four; each topic has two publishers with 30 messages
    // each.
    assert.equal(result.expected, (2 * 5 + 5 * 4) * 60);
    assert.deepEqual([result.delivered, result.lost, result.duplicated], [result.expected, 0, 0]);
    assert.equal(result.params.foreignFrames, undefined);
  });

  test('replaces subscribers under load without taking what they were not there for as lost', async () => {
    const result = await run({ scenario: 'churn', subscribers: 40, churnRate: 10 });
    assert.equal(result.connections.requested, 40 + 30 + 1);
    assert.equal(result.connections.failed, 0);
    assert.equal(result.lost, 0);
  });

  test('opens connections at the pace asked for when nothing is published', async () => {
    const quiet = { publishers: 0, rate: 0, warmupS: 0, durationS: 0.5, drainS: 0 };
    const result = await run({ ...quiet, scenario: 'connect-ramp', subscribers: 60, connectRate: 40 });
    assert.deepEqual([result.connections.opened, result.connections.failed, result.expected], [60, 0, 0]);
    // The first second has its share of the ramp, and not all of it.
    assert.ok((result.series[0]?.connections as number) <= 41, JSON.stringify(result.series));
  });

  test('refuses the figures of a run in which k6 itself was saturated', async () => {
    // 160,000 deliveries/s for one core, of which k6 manages 25,000 to 60,000.
    const { generator } = splitCores(1);
    const result = await run(
      { subscribers: 400, rate: 400, durationS: 2, drainS: 1 },
      { cores: generator.slice(0, 1) },
    );
    assert.equal(result.valid, false);
    assert.match(result.invalidReasons.join('\n'), /k6 was saturated/);
  });

  test('names the thresholds of an objective that was missed', async () => {
    const result = await run({ durationS: 2 }, { slo: 'max<1us' });
    assert.match(String(result.params.k6ThresholdsCrossed), /fanwire_latency max<0\.001/);
  });

  test('gates a build by exit code, on a busy machine too: 0 when the objective holds, 1 when it is missed', async () => {
    const gate = (slo: string) => {
      const load = ['--subscribers', '20', '--rate', '50', '--warmup', '0.5', '--duration', '2'];
      return bench(['--engine', 'k6', '--url', relay.urls[0] as string, ...load, '--slo', slo, '-q']);
    };
    const held = await gate('p99<10s,loss==0');
    assert.equal(held.code, 0, held.stderr);
    // No delay of k6's can make a latency too small.
    const missed = await gate('p99<10s,p50>9s');
    assert.equal(missed.code, 1, missed.stderr);
    assert.match(missed.stderr, /^fanwire: objective missed: p50>9s \(measured \S+ ms\) \[FANWIRE_BENCH_SLO\]$/m);
  });

  test('tells the phases in their order, and ends k6 when it is interrupted', async () => {
    const phases: Phase[] = [];
    const interrupt = new AbortController();
    const engine = k6Engine();
    const running = engine.play({ ...QUICK, durationS: 60 }, relay, {
      progress: () => {},
      phase: (phase) => {
        phases.push(phase);
        if (phase === 'measure') interrupt.abort(new Error('interrupted'));
      },
      signal: interrupt.signal,
    });
    await assert.rejects(running, /interrupted/);
    assert.deepEqual(phases, ['connect', 'warmup', 'measure']);
  });

  test('says why when nothing listens', async () => {
    const nowhere: Target = { ...relay, urls: ['ws://127.0.0.1:1'] };
    const hooks = { progress: () => {}, phase: () => {}, signal: new AbortController().signal };
    const plan = { ...QUICK, subscribers: 2, durationS: 1, drainS: 0.1 };
    await assert.rejects(k6Engine().play(plan, nowhere, hooks), {
      code: 'FANWIRE_BENCH_NO_CONNECTION',
      message: /connection refused/,
    });
  });
});

/** Runs `fanwire bench`. */
function bench(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const cli = fileURLToPath(new URL('../../../src/cli.js', import.meta.url));
  return new Promise<{ readonly code: number; readonly stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      [cli, 'bench', ...args],
      { env: { ...process.env, ...env } },
      (error, _stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stderr });
      },
    );
  });
}

describe('the k6 engine without a k6', () => {
  test('makes fanwire bench exit with 2 and one line', async () => {
    const { code, stderr } = await bench(['--engine', 'k6'], { K6_BIN: '/nonexistent/k6' });
    assert.equal(code, 2);
    assert.match(stderr, /^fanwire: --engine k6 needs k6, .+ \[FANWIRE_USAGE_K6_MISSING\]\n$/);
  });

  test('says in one line how to install it', async () => {
    await assert.rejects(findK6({ PATH: '/nonexistent' }), {
      code: 'FANWIRE_USAGE_K6_MISSING',
      message:
        /^--engine k6 needs k6, and k6 is not on PATH: install k6 v1\.8 or newer \(https:\S+\) or point K6_BIN at it/,
    });
    await assert.rejects(findK6({ K6_BIN: '/nonexistent/k6', PATH: process.env.PATH }), {
      message: /K6_BIN=\/nonexistent\/k6 is not a program/,
    });
    // Any program that is not k6.
    await assert.rejects(findK6({ K6_BIN: process.execPath }), { code: 'FANWIRE_USAGE_K6_TOO_OLD' });
  });

  test('is given its settings by the environment, where no other user reads them, and nothing that was set for another k6', () => {
    const target: Target = {
      name: 't',
      version: '',
      cmd: '',
      urls: ['ws://127.0.0.1:9/?token=secret'],
      dialect: 'raw',
      pids: [],
      stop: async () => {},
    };
    const options = { ...K6_DEFAULTS, headers: { Authorization: 'Bearer secret' }, summaryFile: '', configFile: '/c' };
    const job = {
      PATH: '/bin',
      HOME: '/root',
      K6_DURATION: '3s',
      K6_OUT: 'csv',
      RATE: '7',
      VUS: '9',
      TOKEN: 'x',
      MAX_LOST: 'off',
    };
    const { args, env } = k6Invocation(QUICK, target, options, job);
    assert.doesNotMatch(args.join(' '), /secret/);
    assert.match(`${env.URL} ${env.HEADERS}`, /secret.*secret/);
    assert.deepEqual([env.PATH, env.HOME, env.RATE], ['/bin', '/root', '50']);
    const strange = Object.keys(job).filter((name) => !['PATH', 'HOME', 'RATE'].includes(name));
    assert.deepEqual(
      strange.filter((name) => name in env),
      [],
    );
  });

  test('refuses a plan that k6 cannot play instead of playing another', () => {
    const target: Target = {
      name: 't',
      version: '',
      cmd: '',
      urls: ['ws://127.0.0.1:9'],
      dialect: 'raw',
      pids: [],
      stop: async () => {},
    };
    const options = { ...K6_DEFAULTS, summaryFile: '', configFile: '' };
    const unsupported = { code: 'FANWIRE_USAGE_K6_UNSUPPORTED' };
    assert.throws(() => k6Invocation({ ...QUICK, stormFraction: 0.5 }, target, options), unsupported);
    assert.throws(() => k6Invocation({ ...QUICK, stalledSubscribers: 1 }, target, options), unsupported);
    assert.throws(() => k6Invocation(QUICK, { ...target, dialect: 'socket.io' }, options), unsupported);
  });
});

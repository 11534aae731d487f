// The effective configuration: precedence, ranges, and what a mistake is answered with.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Command } from 'commander';
import fc from 'fast-check';
import { givenPlan } from '../../bench/scenarios/plan-options.js';
import { benchSchema } from '../../src/cli/options/bench.js';
import { compareSchema } from '../../src/cli/options/compare.js';
import { declareFlags, givenTo } from '../../src/config/flags.js';
import { loadConfig, redacted } from '../../src/config/load.js';
import { optionsOf, type Schema, variableOf } from '../../src/config/option.js';
import { options, type RelayConfig, relaySchema } from '../../src/config/schema.js';
import { loadOptions, withoutOwnVariables } from '../../src/config/sources.js';
import { configWith } from '../support/config-with.js';

function configFile(t: TestContext): (content: unknown) => string {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'fanwire.json');
  return (content) => {
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
}

function failure(code: string, message: RegExp) {
  return (error: unknown) => {
    assert.equal((error as { code: string }).code, code);
    assert.match((error as Error).message, message);
    assert.doesNotMatch((error as Error).message, /\n/);
    return true;
  };
}

test('a flag wins over a variable, a variable over the file, the file over the default', (t) => {
  const write = configFile(t);
  const values: Partial<Record<keyof RelayConfig, fc.Arbitrary<unknown>>> = {
    port: fc.nat(65_535),
    maxPayloadBytes: fc.integer({ min: 1, max: 16 << 20 }),
    slowConsumer: fc.constantFrom('drop', 'close'),
    idleTimeoutS: fc.oneof(fc.constant(0), fc.integer({ min: 8, max: 960 })),
    host: fc.ipV4(),
  };
  const given = fc.record(values, { requiredKeys: [] }) as fc.Arbitrary<Partial<RelayConfig>>;
  const keys = Object.keys(values) as (keyof RelayConfig)[];
  fc.assert(
    fc.property(given, given, given, (flags, variables, file) => {
      const env: Record<string, string> = {};
      for (const [key, value] of Object.entries(variables))
        env[variableOf(options[key as keyof RelayConfig].flag)] = String(value);
      const asText = Object.fromEntries(Object.entries(flags).map(([key, value]) => [key, String(value)]));
      const { config, origins } = loadConfig({ flags: asText, env, file: write(file) });
      for (const key of keys) {
        const sources = { flag: flags[key], variable: variables[key], file: file[key], default: options[key].default };
        const [origin, value] = Object.entries(sources).find(([, found]) => found !== undefined) as [string, unknown];
        assert.deepEqual([origins[key], config[key]], [origin, value]);
      }
    }),
    { numRuns: 200 },
  );
});

test('sizes take k and m, and a value out of range says the range and the value', () => {
  assert.equal(loadConfig({ env: { FANWIRE_MAX_PAYLOAD: '64k' } }).config.maxPayloadBytes, 65_536);
  assert.equal(loadConfig({ flags: { maxPayloadBytes: '1.5M' } }).config.maxPayloadBytes, 1_572_864);
  const refusals: [Record<string, unknown>, RegExp][] = [
    [{ maxPayloadBytes: '17m' }, /^--max-payload must be 1 to 16777216 bytes.*, got "17m"$/],
    [{ maxPayloadBytes: '0' }, /^--max-payload must be/],
    [{ port: '65536' }, /^--port must be an integer from 0 to 65535, got "65536"$/],
    [{ port: '' }, /^--port must be/],
    [{ port: '90 01' }, /^--port must be/],
    [
      { idleTimeoutS: '7' },
      /^--idle-timeout must be 0, or an integer from 8 to 960 \(seconds; 30s and 2m are understood\), got "7"$/,
    ],
    [{ slowConsumer: 'wait' }, /^--slow-consumer must be one of drop, close, got "wait"$/],
  ];
  for (const [flags, message] of refusals)
    assert.throws(() => loadConfig({ flags }), failure('FANWIRE_CONFIG_RANGE', message));
  const env = { FANWIRE_WORKERS: 'many' };
  assert.throws(() => loadConfig({ env }), failure('FANWIRE_CONFIG_RANGE', /^FANWIRE_WORKERS must be/));
});

test('an unknown variable or file key names its nearest neighbour', (t) => {
  const write = configFile(t);
  assert.throws(
    () => loadConfig({ env: { FANWIRE_MAX_PAYLAOD: '1' } }),
    failure('FANWIRE_CONFIG_UNKNOWN', /^unknown variable FANWIRE_MAX_PAYLAOD; did you mean FANWIRE_MAX_PAYLOAD\?$/),
  );
  assert.throws(
    () => loadConfig({ file: write({ maxPayload: 5 }) }),
    failure('FANWIRE_CONFIG_UNKNOWN', /^unknown key "maxPayload" in --config ".*"; did you mean maxPayloadBytes\?$/),
  );
});

test('an empty variable counts as unset, and FANWIRE_CONFIG names the file', (t) => {
  const file = configFile(t)({ port: 7000 });
  const { config, origins } = loadConfig({ env: { FANWIRE_HOST: '', FANWIRE_CONFIG: file } });
  assert.equal(config.port, 7000);
  assert.equal(origins.host, 'default');
});

test('the variables that Kubernetes sets for Services called fanwire or fanwire-… are left alone', () => {
  const env = {
    FANWIRE_SERVICE_HOST: '10.0.0.7',
    FANWIRE_SERVICE_PORT: '9001',
    FANWIRE_SERVICE_PORT_WS: '9001',
    FANWIRE_PORT: 'tcp://10.0.0.7:9001',
    FANWIRE_PORT_9001_TCP: 'tcp://10.0.0.7:9001',
    FANWIRE_PORT_9001_TCP_ADDR: '10.0.0.7',
    FANWIRE_ADMIN_SERVICE_HOST: '10.0.0.8',
    FANWIRE_ADMIN_SERVICE_PORT: '9102',
    FANWIRE_ADMIN_PORT: 'tcp://10.0.0.8:9102',
    FANWIRE_ADMIN_PORT_9102_TCP_PROTO: 'tcp',
    FANWIRE_EU_WEST_PORT: 'udp://10.0.0.9:9001',
    FANWIRE_EU_WEST_PORT_9001_UDP: 'udp://10.0.0.9:9001',
  };
  const { port, adminPort } = loadConfig({ env }).config;
  assert.deepEqual([port, adminPort], [9001, 9002]);
});

test('a file that is missing, not JSON or not an object is one line that names it', (t) => {
  const write = configFile(t);
  assert.throws(
    () => loadConfig({ file: '/nowhere/x.json' }),
    failure('FANWIRE_CONFIG_FILE', /"\/nowhere\/x\.json".*ENOENT/),
  );
  assert.throws(() => loadConfig({ file: write('{"port":') }), failure('FANWIRE_CONFIG_FILE', /: not JSON: /));
  assert.throws(() => loadConfig({ file: write([]) }), failure('FANWIRE_CONFIG_FILE', /must hold one JSON object/));
});

test('TLS takes both files or neither', (t) => {
  const readable = configFile(t)('a certificate');
  assert.throws(
    () => configWith({ tlsCert: readable }),
    failure('FANWIRE_CONFIG_CONFLICT', /^--tls-cert needs --tls-key/),
  );
  assert.throws(
    () => configWith({ tlsKey: readable }),
    failure('FANWIRE_CONFIG_CONFLICT', /^--tls-key needs --tls-cert/),
  );
});

test('credentials inside a URL are not shown, and a redacted value is not taken back', (t) => {
  const shown = redacted(configWith({ cluster: ['nats://user:hunter2@127.0.0.1:4222', 'nats://token@b:4222'] }));
  assert.deepEqual(shown.cluster, ['nats://<redacted>@127.0.0.1:4222', 'nats://<redacted>@b:4222']);
  const file = configFile(t)({ cluster: shown.cluster });
  assert.throws(
    () => loadConfig({ file }),
    failure('FANWIRE_CONFIG_FILE', /^"cluster".*is redacted; put its value in$/),
  );
});

for (const schema of [relaySchema, benchSchema, compareSchema] as const) {
  test(`${schema.prefix}: every default is a value its own option accepts, and no two options share a flag`, () => {
    const options = Object.entries(optionsOf(schema));
    for (const [key, { type, default: initial, flag, description }] of options) {
      assert.deepEqual(type.parse(initial), initial, key);
      assert.match(flag, /^[a-z]+(-[a-z]+)*$/);
      assert.ok(!description.endsWith('.'), `${key}: no full stop, notes follow`);
      assert.ok(type.description !== undefined, `${key} says what it takes`);
    }
    assert.equal(new Set(options.map(([, { flag }]) => flag)).size, options.length);
  });
}

test('bench and compare take what they are told from flags, variables and a file, each their own, as serve does', (t) => {
  const file = configFile(t)({ rate: '1.5k', churnRate: 3, url: ['ws://a', 'ws://b'] });
  const env = { FANWIRE_BENCH_RATE: '2k', FANWIRE_BENCH_DURATION: '2m', FANWIRE_PORT: '1', FANWIRE_COMPARE_SEED: '7' };
  const { config, origins } = loadOptions(benchSchema, { flags: { durationS: '500ms' }, env, file });
  const { durationS, rate, churnRate, url, subscribers, headers } = config;
  assert.deepEqual(
    { durationS, rate, churnRate, url, subscribers, headers },
    { durationS: 0.5, rate: 2000, churnRate: 3, url: ['ws://a', 'ws://b'], subscribers: 500, headers: {} },
  );
  assert.deepEqual(givenPlan(config, origins), { durationS: 0.5, rate: 2000, churnRate: 3 });
  assert.equal(loadOptions(compareSchema, { env }).config.seed, 7);
  assert.equal(loadConfig({ env }).config.port, 1, 'the relay leaves the variables of the others alone');
  assert.throws(
    () => loadOptions(benchSchema, { env: { FANWIRE_BENCH_SUBSCRIBRES: '1' } }),
    failure(
      'FANWIRE_CONFIG_UNKNOWN',
      /^unknown variable FANWIRE_BENCH_SUBSCRIBRES; did you mean FANWIRE_BENCH_SUBSCRIBERS\?$/,
    ),
  );
  assert.throws(
    () => loadOptions(compareSchema, { env: { FANWIRE_COMPARE_MAX_MINUTES: '11h' } }),
    failure(
      'FANWIRE_USAGE_COMPARE_RANGE',
      /^FANWIRE_COMPARE_MAX_MINUTES must be a number from 0.1 to 600 .*, got "11h"$/,
    ),
  );
});

test('what a program that bench starts is given has none of the variables that were for bench', () => {
  const env = { FANWIRE_BENCH_RATE: '1', FANWIRE_COMPARE_BASE: 'main', FANWIRE_PORT: '1', PATH: '/bin' };
  assert.deepEqual(withoutOwnVariables(env), { FANWIRE_PORT: '1', PATH: '/bin' });
});

test('an objective, a budget or rules that are given in several flags all count', () => {
  const given = (schema: Schema, ...args: string[]): Readonly<Record<string, unknown>> => {
    const command = new Command();
    declareFlags(command, schema);
    command.parse(args, { from: 'user' });
    return givenTo(command, schema).flags ?? {};
  };
  const bench = given(
    benchSchema,
    '--slo',
    'p99<20ms',
    '--slo',
    'loss==0',
    '--serve',
    '--workers 2',
    '--serve',
    '--port 1',
  );
  assert.deepEqual(bench, { slo: 'p99<20ms,loss==0', serve: '--workers 2 --port 1' });
  assert.deepEqual(given(compareSchema, '--budget', 'cpu:+2%', '--budget', 'p99:+5%'), { budget: 'cpu:+2%,p99:+5%' });
  assert.deepEqual(given(relaySchema, '--state', 'a', '--state', 'b', '--port', '1', '--port', '2'), {
    state: 'a;b',
    port: '2',
  });
});

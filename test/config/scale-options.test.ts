// --workers and --cluster: what they take, and what they refuse by name.
import assert from 'node:assert/strict';
import test from 'node:test';
import { usableCores } from '../../src/base/cpu-quota.js';
import { FanwireError } from '../../src/base/error.js';
import { loadConfig, redacted } from '../../src/config/load.js';
import { configWith } from '../support/config-with.js';

type Given = Parameters<typeof configWith>[0];

const refused = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof FanwireError && error.code === code && message.test(error.message);

test('--workers takes a number, or auto for one a core', () => {
  assert.equal(loadConfig({ flags: { workers: 'auto' } }).config.workers, usableCores());
  assert.equal(loadConfig({ env: { FANWIRE_WORKERS: '3' } }).config.workers, 3);
  assert.throws(
    () => loadConfig({ flags: { workers: 'many' } }),
    refused('FANWIRE_CONFIG_RANGE', /^--workers must be auto, or an integer from 1 to 256, got "many"$/),
  );
});

test('--cluster takes several NATS servers, and their credentials are not shown', () => {
  const { config } = loadConfig({ flags: { cluster: 'nats://a:4222, tls://user:pw@b:4222', clusterUser: '' } });
  assert.deepEqual(config.cluster, ['nats://a:4222', 'tls://user:pw@b:4222']);
  assert.deepEqual(redacted(config).cluster, ['nats://a:4222', 'tls://<redacted>@b:4222']);
});

test('what does not go together is refused with the flags that it is about', () => {
  const cluster = ['nats://a:4222'];
  const conflicts: [Given, RegExp][] = [
    [
      { cluster: ['http://u:secret@a'] },
      /^--cluster takes nats:\/\/host:port or tls:\/\/host:port, got "http:\/\/…@a"$/,
    ],
    [{ cluster, clusterPrefix: 'a.*' }, /^--cluster-prefix .*got "a\.\*"$/],
    [{ cluster, clusterUser: 'a' }, /--cluster-user and --cluster-password need each other/],
    [{ cluster, clusterCert: 'a' }, /--cluster-cert and --cluster-key need each other/],
    [{ cluster, clusterToken: 'a', clusterCreds: 'b' }, /only one of/],
    [{ clusterToken: 'a' }, /need --cluster/],
  ];
  for (const [given, message] of conflicts) {
    assert.throws(() => configWith(given), refused('FANWIRE_CONFIG_CONFLICT', message), String(message));
  }
});

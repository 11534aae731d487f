// What is wrong with a file or a pattern that the configuration names is said before the relay says that it starts.
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { certificate } from '../support/certificate.js';
import { runFanwire } from '../support/fanwire-process.js';

const NOBODY = ['--cluster', 'nats://127.0.0.1:1'];

test('a file or a pattern that cannot be used is one line before anything starts, and exit code 2', async (t) => {
  const { cert, key, folder } = certificate(t);
  const other = certificate(t);
  const at = (name: string): string => join(folder, name);
  const junk = at('junk');
  writeFileSync(junk, 'neither PEM nor JSON\n');
  const lock = { type: 'pkcs1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'abcd' } as const;
  writeFileSync(at('locked'), createPrivateKey(readFileSync(key)).export(lock));
  const wrong: [args: string[], says: RegExp][] = [
    [['--auth', 'static', '--tokens-file', at('none')], /none: cannot be read \(ENOENT\) \[FANWIRE_AUTH_FILE\]/],
    [['--auth', 'static', '--tokens-file', junk, '--workers', '2'], /junk: is no valid JSON \[FANWIRE_AUTH_FILE\]/],
    [
      ['--auth', 'jwt', '--jwt-secret', 'short'],
      /has 5 bytes, HS256 needs at least 32 .*\[FANWIRE_CONFIG_JWT_SECRET\]/,
    ],
    [['--auth', 'jwt', '--jwt-secret-file', at('none')], /none cannot be read .*\[FANWIRE_CONFIG_JWT_KEY\]/],
    [['--auth', 'jwt', '--jwt-public-key', junk], /junk is no PEM public key, .*\[FANWIRE_CONFIG_JWT_KEY\]/],
    [['--tls-cert', cert, '--tls-key', at('none')], /cannot read --tls-key ".*none": ENOENT.*\[FANWIRE_CONFIG_FILE\]/],
    [['--tls-cert', junk, '--tls-key', key], /--tls-cert ".*junk" holds no PEM certificate: .*\[FANWIRE_CONFIG_TLS\]/],
    [['--tls-cert', cert, '--tls-key', junk], /--tls-key ".*junk" holds no PEM private key .*\[FANWIRE_CONFIG_TLS\]/],
    [['--tls-cert', cert, '--tls-key', at('locked')], /--tls-key ".*locked" .*passphrase.*\[FANWIRE_CONFIG_TLS\]/],
    [
      ['--tls-cert', cert, '--tls-key', other.key],
      /--tls-key ".*" is not the key of --tls-cert .*\[FANWIRE_CONFIG_TLS\]/,
    ],
    [[...NOBODY, '--cluster-ca', junk], /--cluster-ca ".*junk" holds no PEM certificate.*\[FANWIRE_CONFIG_TLS\]/],
    [
      [...NOBODY, '--cluster-cert', cert, '--cluster-key', other.key],
      /is not the key of --cluster-cert .*_CONFIG_TLS\]/,
    ],
    [[...NOBODY, '--cluster-creds', at('none')], /cannot read --cluster-creds ".*none".*\[FANWIRE_CONFIG_FILE\]/],
    [[...NOBODY, '--cluster-creds', junk], /--cluster-creds ".*junk" holds no NATS credentials .*_CONFIG_FILE\]/],
    [['--host', ''], /--host must be an address, got "".*\[FANWIRE_CONFIG_RANGE\]/],
    [
      ['--port', '9555', '--admin-port', '9555'],
      /--port and --admin-port are both 9555; .*\[FANWIRE_CONFIG_CONFLICT\]/,
    ],
    [['--presence', 'a*b', '--workers', '2'], /--presence: .*, got "a\*b" \[FANWIRE_PERMISSION_PATTERN\]/],
    [['--origins', 'https//x'], /allowed origin "https\/\/x" can match none: .*\[FANWIRE_CONFIG_ORIGIN\]/],
    [['--trust-proxy', '10.0.0.0/99'], /10\.0\.0\.0\/99.*\[FANWIRE_CONFIG_TRUST_PROXY\]/],
  ];
  for (const [args, says] of wrong) {
    const { code, stdout, stderr } = await runFanwire(t, ['serve', '--port', '0', '--admin-port', '0', ...args]);
    const line = new RegExp(`^fanwire: [^\\n]*${says.source}\\n$`);
    assert.match(stderr, line, args.join(' '));
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' }, args.join(' '));
  }
});

test('rules of a flag that is given twice add up, as lists do, and a file may begin with a byte order mark', async (t) => {
  const { folder } = certificate(t);
  const file = join(folder, 'fanwire.json');
  writeFileSync(file, '\ufeff{"port":9123}');
  const rules = ['--history=a=1,1m,1k', '--history=b=2,1m,1k', '--state=s/*', '--state=u'];
  const args = [...rules, '--presence=x', '--presence=y'];
  const { code, stdout } = await runFanwire(t, ['serve', '--config', file, '--print-config', ...args]);
  assert.equal(code, 0);
  const { port, history, state, presence } = JSON.parse(stdout);
  assert.deepEqual(
    { port, history, state, presence },
    {
      port: 9123,
      history: 'a=1,1m,1k;b=2,1m,1k',
      state: 's/*;u',
      presence: ['x', 'y'],
    },
  );
});

// The client's address behind proxies: what a client may write itself must never win over what a trusted proxy saw.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressKey, addressText, compileTrustProxy } from '../../../src/relay/door/client-address.js';

function bytes(...values: number[]): ArrayBuffer {
  return Uint8Array.from(values).buffer;
}

const NONE = new ArrayBuffer(0);
const PROXY = bytes(10, 0, 0, 1);
const STRANGER = bytes(203, 0, 113, 9);

function client(trust: string[], peer: ArrayBuffer, forwardedFor: string, proxied = NONE): string {
  return compileTrustProxy(trust)({ peer, forwardedFor: () => forwardedFor, proxied });
}

test('without trusted proxies the peer is the client, whatever headers say', () => {
  assert.equal(client([], STRANGER, '198.51.100.1', bytes(1, 2, 3, 4)), '203.0.113.9');
});

test('with a number of proxies the client is that many entries from the right', () => {
  assert.equal(client(['1'], PROXY, 'forged, 198.51.100.1'), '198.51.100.1');
  assert.equal(client(['2'], PROXY, 'forged, 198.51.100.1, 10.0.0.2'), '198.51.100.1');
  assert.equal(client(['2'], PROXY, '10.0.0.2'), '10.0.0.2');
  assert.equal(client(['1'], PROXY, ''), '10.0.0.1');
});

test('with trusted ranges the client is the first untrusted address from the right', () => {
  const trust = ['private', '192.0.2.0/24'];
  assert.equal(client(trust, PROXY, '1.1.1.1, 198.51.100.1, 192.0.2.7, 10.9.9.9'), '198.51.100.1');
  assert.equal(client(trust, STRANGER, '198.51.100.1'), '203.0.113.9');
  assert.equal(client(trust, PROXY, '198.51.100.1, unknown'), '10.0.0.1');
  assert.equal(client(trust, PROXY, '198.51.100.1:4711'), '198.51.100.1');
  assert.equal(client(trust, PROXY, '[2001:db8::7]:4711'), '2001:db8:0:0:0:0:0:7');
  assert.equal(client(['loopback'], bytes(...Array(15).fill(0), 1), '2001:DB8::7'), '2001:db8:0:0:0:0:0:7');
});

test('a PROXY header counts only from a trusted peer', () => {
  const trust = ['proxy-protocol', '10.0.0.0/8'];
  const proxied = bytes(198, 51, 100, 1);
  assert.equal(client(trust, PROXY, '1.1.1.1', proxied), '198.51.100.1');
  assert.equal(client(trust, PROXY, '1.1.1.1'), '10.0.0.1');
  assert.equal(client(trust, STRANGER, '', proxied), '203.0.113.9');
});

test('whatever a client puts to the left of what the trusted proxy appended changes nothing', () => {
  fc.assert(
    fc.property(fc.string(), (forged) => {
      assert.equal(client(['10.0.0.0/8'], PROXY, `${forged},198.51.100.1`), '198.51.100.1');
      assert.equal(client(['1'], PROXY, `${forged},198.51.100.1`), '198.51.100.1');
    }),
  );
});

test('any IPv6 address gives one text whichever way a proxy writes it', () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const seen = client(['1'], PROXY, address);
      assert.equal(new URL(`http://[${seen}]`).hostname, new URL(`http://[${address}]`).hostname);
    }),
    { examples: [['::'], ['::1'], ['1::'], ['::1.2.3.4'], ['1:2:3:4:5:6:7::']] },
  );
});

test('an IPv4 client of a dual-stack listener counts as its IPv4 address, and IPv6 clients count by their /64', () => {
  const mapped = bytes(...Array(10).fill(0), 0xff, 0xff, 192, 0, 2, 7);
  assert.equal(addressText(mapped), '192.0.2.7');
  assert.equal(client(['1'], PROXY, '::ffff:192.0.2.7'), '192.0.2.7');
  assert.equal(addressKey('192.0.2.7'), '192.0.2.7');
  assert.equal(addressKey('2001:db8:1:2:3:4:5:6'), addressKey('2001:db8:1:2:ffff:0:0:1'));
  assert.notEqual(addressKey('2001:db8:1:2:0:0:0:1'), addressKey('2001:db8:1:3:0:0:0:1'));
});

test('a --trust-proxy that cannot mean what it says is refused by a line that names the entry', () => {
  for (const trust of [
    ['proxy.local'],
    ['10.0.0.0/33'],
    ['10.0.0.0/x'],
    ['1', '10.0.0.1'],
    ['proxy-protocol'],
    ['::1/129'],
  ]) {
    assert.throws(() => compileTrustProxy(trust), { code: 'FANWIRE_CONFIG_TRUST_PROXY', message: /--trust-proxy: "/ });
  }
});

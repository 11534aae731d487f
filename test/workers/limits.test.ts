// Connection caps of a relay with several workers: they hold over all of them, whichever worker a client lands on.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import fc from 'fast-check';
import { LocalLedger, SharedLedger } from '../../src/relay/door/ledger.js';
import { serve } from '../support/fanwire-process.js';
import { open, refusalOf } from '../support/local-relay.js';

/** Opens sockets one by one until one is refused; gives how many came in, and the refusal's code. */
async function openUntilRefused(t: TestContext, url: string, address: string): Promise<[number, string]> {
  const options = { headers: { 'x-forwarded-for': address } };
  for (let opened = 0; ; opened++) {
    const socket = await open(url, options).catch(() => undefined);
    if (socket === undefined) return [opened, (await refusalOf(url, options)).code];
    t.after(() => socket.terminate());
  }
}

test('caps in all and per address hold over all workers together', async (t) => {
  const limits = ['--max-connections', '40', '--max-connections-per-ip', '15', '--trust-proxy', '1'];
  const relay = await serve(t, ['--workers', '3', ...limits]);
  const url = relay.url('news');
  assert.deepEqual(await openUntilRefused(t, url, '192.0.2.1'), [15, 'FANWIRE_ADDRESS_FULL']);
  assert.deepEqual(await openUntilRefused(t, url, '2001:db8::1'), [15, 'FANWIRE_ADDRESS_FULL']);
  assert.deepEqual(await openUntilRefused(t, url, '192.0.2.2'), [10, 'FANWIRE_MAX_CONNECTIONS']);
});

test('shared counts of few addresses are exact, of many never too low and rarely too high, and lose a dead thread whole', () => {
  const key = fc.nat(40).map((n) => `192.0.2.${n}`);
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.nat(2)), { maxLength: 300, size: 'max' }), (steps) => {
      const memory = SharedLedger.allocate(3);
      const shared = [0, 1, 2].map((thread) => new SharedLedger(memory, thread));
      const exact = [0, 1, 2].map(() => new LocalLedger());
      const count = (address: string) => exact.reduce((sum, ledger) => sum + ledger.of(address), 0);
      for (const [address, thread] of steps) {
        // The third touch of an address in a thread lets one go.
        const change = (exact[thread]?.of(address) ?? 0) >= 2 ? -1 : 1;
        shared[thread]?.add(address, change);
        exact[thread]?.add(address, change);
        assert.equal(shared[2]?.of(address), count(address));
      }
      SharedLedger.clear(memory, 1);
      exact[1] = new LocalLedger();
      for (const [address] of steps) assert.equal(shared[0]?.of(address), count(address));
      assert.equal(
        shared[0]?.total(),
        exact.reduce((sum, ledger) => sum + ledger.total(), 0),
      );
    }),
    { numRuns: 30 },
  );
  const crowd = new SharedLedger(SharedLedger.allocate(1), 0);
  const address = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
  for (let n = 0; n < 100_000; n++) crowd.add(address(n), 1);
  let tooHigh = 0;
  for (let n = 0; n < 100_000; n++) {
    const read = crowd.of(address(n));
    assert.ok(read >= 1);
    if (read > 1) tooHigh++;
  }
  assert.ok(tooHigh < 15_000, `${tooHigh} of 100,000 read too high`);
});

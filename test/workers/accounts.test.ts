// Over several workers too, what was published times its subscribers is what was delivered and what was conflated, here
// and on the way between workers, and each subscriber is told what the newest took the place of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EnvelopedClient } from '../support/enveloped-client.js';
import { serve } from '../support/fanwire-process.js';
import { SocketClient } from '../support/socket-client.js';

const MESSAGES = 3000;
/** So many that each worker has some. */
const READERS = 16;

const metric = (text: string, name: string): number =>
  Number(new RegExp(`^${name}(?:{[^}]*})? (\\d+)$`, 'm').exec(text)?.[1]);

for (const mode of ['latest', 'latest-by-key:=']) {
  for (const state of [[], ['--state', 't']]) {
    test(`over workers all that is published is delivered or conflated: ${mode} ${state.join(' ')}`, async (t) => {
      const relay = await serve(t, ['--workers', '3', '--deliver', `t=20ms,${mode}`, ...state]);
      const raws: SocketClient[] = [];
      const envelopeds: EnvelopedClient[] = [];
      for (let n = 0; n < READERS; n++) {
        raws.push(await SocketClient.open(t, relay.url('t')));
        const enveloped = await EnvelopedClient.open(t, relay.port);
        await enveloped.ask({ op: 'sub', topic: 't' });
        envelopeds.push(enveloped);
      }
      // Not a subscriber itself: an enveloped publisher of a topic that it has not joined.
      const publisher = await EnvelopedClient.open(t, relay.port);
      for (let n = 1; n <= MESSAGES; n++) {
        publisher.say({ op: 'pub', topic: 't', data: `k${n % 5}=${n}` });
        if (n % 100 === 0) await publisher.handled();
      }
      await publisher.ask({ op: 'pub', topic: 't', data: 'end=1' });
      const last = (text: string) => text === 'end=1';
      // What came before it has come, or was replaced, where it has.
      await Promise.all([
        ...raws.map((raw) => raw.until(() => raw.texts.some(last))),
        ...envelopeds.map((one) =>
          one.until((heard) => heard.some((said) => said.op === 'msg' && last(String(said.data))) || undefined),
        ),
      ]);
      const published = MESSAGES + 1;
      const text = await (await fetch(`http://127.0.0.1:${relay.adminPort}/metrics`)).text();
      const delivered = metric(text, 'fanwire_messages_delivered_total');
      const conflated = metric(text, 'fanwire_messages_conflated_total');
      assert.equal(delivered + conflated, published * 2 * READERS, `${delivered} + ${conflated}`);
      for (const { heard } of envelopeds) {
        const told = heard.reduce((sum, said) => sum + (said.op === 'msg' ? 1 + (said.skipped ?? 0) : 0), 0);
        assert.equal(told, published);
      }
    });
  }
}

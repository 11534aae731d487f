// A socket whose token loses a topic while something of it is on its way: in a window, in a replay, in an answer, or
// kept for it since it does not read.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ServerOp } from '../../../src/protocol/ops.js';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { startLocalRelay } from '../../support/local-relay.js';

const WIDE = 'wide-0123456789abcdef';
const NARROW = 'narrow-0123456789abcdef';

function tokensFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-lost-permission-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'tokens.json');
  const tokens = [
    { token: WIDE, user: 'ann', sub: ['*'], pub: ['*'] },
    { token: NARROW, user: 'ann', sub: ['kept/*'], pub: [] },
  ];
  writeFileSync(file, JSON.stringify({ tokens }), { mode: 0o600 });
  return file;
}

const MODES = ['all', 'latest', 'keyed', 'state', 'plain'];
const RULES = {
  deliver: 'all/*=1h;latest/*=1h,latest;keyed/*=1h,latest-by-key;kept/*=1h',
  state: 'state/*',
  history: 'history/*=100000,1h,64m',
  presence: ['*'],
};

const isOf = (said: ServerOp, topic: string): boolean => 'topic' in said && said.topic === topic && said.op !== 'error';

for (const protocols of [['fanwire.v1'], ['fanwire.v1', 'fanwire.batch']]) {
  test(`nothing of a topic reaches a socket after its token has lost it: ${protocols}`, async (t) => {
    const { relay } = await startLocalRelay(t, { ...RULES, auth: 'static', tokensFile: tokensFile(t) });
    const open = () => EnvelopedClient.open(t, relay.port, [...protocols, `fanwire.token.${WIDE}`]);
    const [client, publisher] = [await open(), await open()];
    const topics = [...MODES, 'kept'].map((mode) => `${mode}/a`);
    for (const topic of topics) await client.ask({ op: 'sub', topic, presence: 'batch' });
    const publish = (topic: string, data: string) => publisher.ask({ op: 'pub', topic, data, key: 'k' });
    for (let n = 0; n < 2000; n++) publisher.say({ op: 'pub', topic: 'history/a', data: `${n}` });
    for (const data of ['first', 'second', 'third']) for (const topic of topics) await publish(topic, data);
    const { presence } = relay;
    const census = presence.census.bind(presence);
    presence.census = async (topic) => {
      await turn();
      await turn();
      return census(topic);
    };
    client.say({ op: 'sub', topic: 'history/a', rewind: 'all' });
    client.say({ op: 'presence', topic: 'all/a', id: 'who' });
    const answer = await client.ask({ op: 'auth', token: NARROW });
    assert.equal(answer.op, 'ok');
    const at = client.heard.indexOf(answer);
    for (const topic of topics) await publisher.ask({ op: 'sub', topic });
    for (const topic of topics) await publish(topic, 'fourth');
    relay.flush();
    await client.until((heard) => heard.find((said) => said.op === 'msg' && said.data === 'fourth'));
    await client.handled();
    const after = client.heard.slice(at);
    for (const topic of [...MODES.map((mode) => `${mode}/a`), 'history/a']) {
      assert.deepEqual(
        after.filter((said) => isOf(said, topic)),
        [],
      );
    }
    assert.ok(client.heard.some((said) => said.op === 'error' && said.id === 'who'));
    const kept = after.flatMap((said) => (said.op === 'msg' ? [said.data] : []));
    assert.deepEqual(kept, ['second', 'third', 'fourth'], 'what it still may hear it hears');
    // It gains the topics again, and begins anew.
    await client.ask({ op: 'auth', token: WIDE });
    await client.ask({ op: 'sub', topic: 'plain/a' });
    await publish('plain/a', 'again');
    await client.until((heard) => heard.find((said) => said.op === 'msg' && said.data === 'again'));
  });
}

test('what is kept for a socket that does not read is not sent once its token has lost the topic', async (t) => {
  const { relay } = await startLocalRelay(t, {
    ...{ auth: 'static', tokensFile: tokensFile(t) },
    ...{ maxBackpressureBytes: 32 * 1024 * 1024, idleTimeoutS: 0 },
  });
  const client = await EnvelopedClient.open(t, relay.port, ['fanwire.v1', `fanwire.token.${WIDE}`]);
  for (const topic of ['lost', 'kept/a']) await client.ask({ op: 'sub', topic });
  client.socket.pause();
  const [connection] = relay.connections.values();
  let published = 0;
  for (; published < 10_000 && (connection?.lag?.keptBytes ?? 0) < 1e6; published++) {
    for (const topic of ['lost', 'kept/a']) relay.publish(topic, Buffer.alloc(1000, 0x2e), false);
    if (published % 10 === 0) await turn();
  }
  client.say({ op: 'auth', token: NARROW, id: 'narrow' });
  while (connection?.identity.canSubscribe('lost')) await turn();
  client.socket.resume();
  const count = (topic: string) => client.heard.filter((said) => said.op === 'msg' && said.topic === topic).length;
  await client.until(() => count('kept/a') === published || undefined);
  await client.handled();
  assert.ok(count('lost') < published - 400, `${count('lost')} of ${published}`);
  assert.equal(connection?.lag, undefined);
});

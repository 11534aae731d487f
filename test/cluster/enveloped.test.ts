// What fanwire.v1 adds, across workers and nodes: envelopes with their publisher's form, presence, and how many there
// are.
import assert from 'node:assert/strict';
import nodeTest from 'node:test';
import { EnvelopedClient } from '../support/enveloped-client.js';
import { serve } from '../support/fanwire-process.js';
import { NatsServer } from '../support/nats-server.js';
import { testNeeding } from '../support/needs.js';
import { SocketClient } from '../support/socket-client.js';

const test = testNeeding('nats-server');

/** Asks who is here until at least `members` are: a node that a busy machine kept from answering within 150 ms is not
 *  waited for. */
async function presenceOf(client: EnvelopedClient, topic: string, members: number) {
  for (;;) {
    const answer = await client.ask({ op: 'presence', topic });
    assert.ok(answer.op === 'ok');
    if ((answer.count ?? 0) >= members) return answer;
  }
}

test('enveloped and raw sockets of two nodes hear each other, each in its own form', async (t) => {
  const nats = await NatsServer.start(t);
  const [here, there] = await Promise.all([
    serve(t, ['--cluster', nats.url]),
    serve(t, ['--cluster', nats.url, '--workers', '2']),
  ]);
  const enveloped = await EnvelopedClient.open(t, there.port);
  await enveloped.ask({ op: 'sub', topic: 'news' });
  const publisher = await EnvelopedClient.open(t, here.port);
  await publisher.ask({ op: 'sub', topic: 'news' });
  const raw = await SocketClient.open(t, there.url('news'));
  await nats.subscribed('fanwire.news.*', 2);
  publisher.say({ op: 'pub', topic: 'news', data: { price: 1.5 } });
  publisher.say({ op: 'pub', topic: 'news', data: 'text' });
  await raw.count(2);
  assert.deepEqual(raw.texts, ['{"price":1.5}', 'text']);
  // Of two publishers neither is first: the next one waits until all have heard the one before.
  const heardBy = (client: EnvelopedClient, count: number): Promise<unknown[]> =>
    client.until((all) => {
      const messages = all.flatMap((said) => (said.op === 'msg' ? [said.data] : []));
      return messages.length === count ? messages : undefined;
    });
  assert.deepEqual(await heardBy(enveloped, 2), [{ price: 1.5 }, 'text']);
  raw.socket.send('raw');
  assert.deepEqual(await heardBy(enveloped, 3), [{ price: 1.5 }, 'text', 'raw']);
  assert.deepEqual(await heardBy(publisher, 1), ['raw']);
});

test('presence counts the members of all nodes and workers, and tells who comes and goes on any of them', async (t) => {
  const nats = await NatsServer.start(t);
  const flags = ['--cluster', nats.url, '--presence', 'room/*'];
  const [here, there] = await Promise.all([serve(t, flags), serve(t, [...flags, '--workers', '2'])]);
  const ann = await EnvelopedClient.open(t, here.port);
  await ann.ask({ op: 'sub', topic: 'room/1' });
  const far = await Promise.all(Array.from({ length: 10 }, () => SocketClient.open(t, there.url('room/1'))));
  await nats.subscribed('fanwire.room/1.*', 2);
  const answer = await presenceOf(ann, 'room/1', 11);
  assert.equal(answer.count, 11);
  assert.equal(new Set(answer.members?.map(({ id }) => id)).size, 11, 'ids differ over nodes and workers');
  const ids = new Set(answer.members?.map(({ id }) => id));

  const late = await SocketClient.open(t, there.url('room/1'));
  const joined = await ann.until((all) => all.find((said) => said.op === 'join' && !ids.has(said.member.id)));
  late.socket.close();
  await ann.until((all) =>
    all.find((said) => said.op === 'leave' && joined.op === 'join' && said.member.id === joined.member.id),
  );
  assert.equal((await presenceOf(ann, 'room/1', 11)).count, 11);
  assert.ok(
    far.every(({ received }) => received.length === 0),
    'raw sockets hear nothing of presence',
  );
});

nodeTest('a publish over HTTP is answered with the subscribers of all workers', async (t) => {
  const relay = await serve(t, ['--workers', '2']);
  await Promise.all(Array.from({ length: 12 }, () => SocketClient.open(t, relay.url('news'))));
  const publish = async (): Promise<{ topic: string; subscribers: number; frame: string }> => {
    const response = await fetch(`http://127.0.0.1:${relay.port}/publish/news`, { method: 'POST', body: 'x' });
    return (await response.json()) as { topic: string; subscribers: number; frame: string };
  };
  let answer = await publish();
  // A worker that a busy machine kept from answering within half a second is not waited for.
  while (answer.subscribers < 12) answer = await publish();
  assert.deepEqual(answer, { topic: 'news', subscribers: 12, frame: 'text' });
});

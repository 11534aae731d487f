// Joins and leaves as they are told: together in one frame a window to who asked for it, one by one to the others, and
// in large topics only how many there are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Identity } from '../../../src/auth/auth.js';
import { type Bus, CrossingKind } from '../../../src/bus/bus.js';
import { noBus } from '../../../src/bus/none.js';
import type { Member, ServerOp } from '../../../src/protocol/ops.js';
import { Connection, type SocketSession } from '../../../src/relay/fanout/audience.js';
import type { FanOut } from '../../../src/relay/fanout/fanout.js';
import { TopicTable } from '../../../src/relay/fanout/topic-table.js';
import { Announcements } from '../../../src/relay/session/announcements.js';
import { Presence } from '../../../src/relay/session/presence.js';
import { EnvelopedClient } from '../../support/enveloped-client.js';
import { startLocalRelay, until } from '../../support/local-relay.js';

const IDENTITY = { user: undefined, canPublish: () => true, canSubscribe: () => true } as unknown as Identity;

/** Presence alone: sockets and a bus that remember what they are sent. */
function house() {
  const forwarded: ServerOp[] = [];
  const bus: Bus = {
    ...noBus,
    forward: (_topic, message, kind) => {
      assert.equal(kind, CrossingKind.presence);
      forwarded.push(JSON.parse(Buffer.from(message as Uint8Array).toString()));
    },
  };
  const fanOut = { sentBeside: () => {} } as unknown as FanOut;
  const topics = new TopicTable(0, { hasPresence: () => true } as never);
  const presence = new Presence(new Announcements(fanOut), bus, topics, 'here-');
  const topic = topics.hold('room');
  let nextId = 1;
  const enter = (together: boolean): { connection: Connection; heard: ServerOp[] } => {
    const heard: ServerOp[] = [];
    const connection = new Connection(`here-${nextId++}`, '', undefined, IDENTITY, 0);
    connection.session = { takesNewsTogether: () => together } as unknown as SocketSession;
    connection.ws = {
      cork: (act: () => void) => act(),
      send: (frame: Uint8Array) => heard.push(JSON.parse(Buffer.from(frame).toString())),
    } as unknown as NonNullable<Connection['ws']>;
    presence.join(topic, connection);
    topic.openAudience('enveloped').subscribers.add(connection);
    return { connection, heard };
  };
  const far = (news: object): void => presence.heard(topic, Buffer.from(JSON.stringify(news)));
  return { presence, topic, enter, forwarded, far };
}

const idsOf = (members: readonly Member[] | undefined): string[] | undefined => members?.map(({ id }) => id);

/** What one socket heard, as `+id` and `-id`. */
function changes(heard: readonly ServerOp[]): string[] {
  return heard.flatMap((said) => {
    if (said.op === 'join') return [`+${said.member.id}`];
    if (said.op === 'leave') return [`-${said.member.id}`];
    if (said.op !== 'presence') return [];
    return [...(idsOf(said.join) ?? []).map((id) => `+${id}`), ...(idsOf(said.leave) ?? []).map((id) => `-${id}`)];
  });
}

test('a crowd that comes within a window is one frame for who takes news together, and each hears of those after him', async () => {
  const { enter, forwarded } = house();
  const together = enter(true);
  const apart = enter(false);
  const crowd = Array.from({ length: 5 }, () => enter(true));
  await until(() => apart.heard.length === 5);
  const rest = ['+here-3', '+here-4', '+here-5', '+here-6', '+here-7'];
  assert.deepEqual(changes(apart.heard), rest);
  assert.deepEqual(changes(together.heard), ['+here-2', ...rest]);
  assert.equal(together.heard.length, 1);
  for (const [n, { heard }] of crowd.entries()) {
    assert.deepEqual(changes(heard), rest.slice(n + 1));
    assert.equal(heard.length, n < 4 ? 1 : 0);
  }
  assert.equal(forwarded.length, 1, 'one message to other relays');
});

test('who comes and goes within a window was never there, and who goes after it has left once', async () => {
  const { presence, topic, enter } = house();
  const witness = enter(true);
  const brief = enter(true);
  presence.leave(topic, brief.connection);
  const lasting = enter(true);
  await until(() => witness.heard.length === 1);
  assert.deepEqual(changes(witness.heard), ['+here-3']);
  presence.leave(topic, lasting.connection);
  await until(() => witness.heard.length === 2);
  assert.deepEqual(changes(witness.heard), ['+here-3', '-here-3']);
});

test('members on a relay that ends without a word have left, once, and only those', async () => {
  const { presence, enter, far } = house();
  const witness = enter(true);
  far({ op: 'presence', topic: 'room', join: [{ id: 'there-1' }, { id: 'there-2' }, { id: 'other-1' }] });
  far({ op: 'leave', topic: 'room', member: { id: 'there-2' } }); // as earlier versions say it
  await until(() => changes(witness.heard).length >= 2);
  presence.originGone('there-');
  await until(() => changes(witness.heard).includes('-there-1'));
  presence.originGone('there-');
  far({ op: 'join', topic: 'room', member: { id: 'other-2' } });
  await until(() => changes(witness.heard).includes('+other-2'));
  assert.deepEqual(changes(witness.heard), ['+there-1', '+other-1', '-there-1', '+other-2']);
});

test('a relay that says all its members again brings both sides to the same, and says nothing where they are', async () => {
  const { presence, enter, far, forwarded } = house();
  const witness = enter(true);
  far({ op: 'presence', topic: 'room', join: [{ id: 'there-1' }, { id: 'there-2' }] });
  await until(() => changes(witness.heard).length === 2);
  // It was away: meanwhile 1 has left there and 3 has come.
  far({ op: 'presence', topic: 'room', origin: 'there-', all: [{ id: 'there-2' }, { id: 'there-3' }] });
  await until(() => changes(witness.heard).length === 4);
  assert.deepEqual(changes(witness.heard).slice(2), ['+there-3', '-there-1']);
  far({ op: 'presence', topic: 'room', origin: 'there-', all: [{ id: 'there-2' }, { id: 'there-3' }] });
  presence.presenceInDoubt();
  const said = forwarded.at(-1) as unknown as { all: Member[]; origin: string };
  assert.deepEqual([idsOf(said.all), said.origin], [['here-1'], 'here-']);
  assert.equal(witness.heard.length, 2);
});

test('of a topic with more than 1,000 members only their number is told, to who takes news together', async () => {
  const { enter, forwarded } = house();
  const witness = enter(true);
  const apart = enter(false);
  for (let n = 0; n < 1000; n++) enter(false);
  await until(() => witness.heard.length > 0);
  assert.deepEqual(witness.heard, [{ op: 'presence', topic: 'room', count: 1002 }]);
  assert.deepEqual(apart.heard, []);
  assert.deepEqual(forwarded, []);
});

test('what no relay says is passed over', () => {
  const { far } = house();
  for (const said of [
    {},
    { op: 'join' },
    { op: 'join', member: 1 },
    { op: 'presence', join: 7, leave: [null, { id: 2 }] },
  ])
    far(said);
});

test('200 sockets that join at once: old clients hear every join in a frame of its own, new ones a few frames', async (t) => {
  const { relay } = await startLocalRelay(t, { presence: ['*'] });
  const clients = await Promise.all(Array.from({ length: 200 }, () => EnvelopedClient.open(t, relay.port)));
  const isOld = (n: number): boolean => n % 2 === 0;
  for (const [n, client] of clients.entries()) {
    client.say({ op: 'sub', topic: 'room', ...(isOld(n) ? {} : { presence: 'batch' }) });
  }
  const last = await EnvelopedClient.open(t, relay.port);
  await last.ask({ op: 'sub', topic: 'room' });
  const { count, members = [] } = (await last.ask({ op: 'presence', topic: 'room' })) as {
    count?: number;
    members?: Member[];
  };
  assert.equal(count, 201);
  const lastId = members.at(-1)?.id;
  await Promise.all(
    clients.map((client) => client.until((heard) => changes(heard).includes(`+${lastId}`) || undefined)),
  );
  let told = 0;
  for (const [n, client] of clients.entries()) {
    const heard = changes(client.heard);
    assert.equal(new Set(heard).size, heard.length, 'each once');
    told += heard.length;
    const frames = client.heard.filter(({ op }) => op === 'join' || op === 'presence');
    if (isOld(n)) assert.equal(frames.length, heard.length);
    else assert.ok(frames.length <= 20, `${frames.length} frames for ${heard.length} joins`);
  }
  assert.equal(told, (201 * 200) / 2, 'each hears of those that came after him');
});

test('a socket remembers how it takes news of the topics that it is in, and of no others', async (t) => {
  const { relay } = await startLocalRelay(t, { presence: ['*'] });
  const client = await EnvelopedClient.open(t, relay.port);
  await client.ask({ op: 'sub', topic: 'room', presence: 'batch' });
  const [connection] = relay.connections.values();
  assert.equal(connection?.session?.takesNewsTogether('room'), true);
  await client.ask({ op: 'unsub', topic: 'room' });
  assert.equal(connection?.session?.takesNewsTogether('room'), false);
});

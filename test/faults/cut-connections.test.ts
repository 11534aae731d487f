// Connections that break off at any point of their lives, by a FIN or a RST, while others go on.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { serve } from '../support/fanwire-process.js';
import { ONLY_LINUX, openFiles, until } from '../support/process-facts.js';
import { Random } from '../support/random.js';
import { SocketClient } from '../support/socket-client.js';
import { frame } from '../support/wire.js';
import { Witness } from '../support/witness.js';
import { record } from './reliability.js';
import { storm, upgradeRequest } from './storm.js';

const CONNECTIONS = 10_000;
const TOPIC = 'cut';
const REQUEST = upgradeRequest(`/${TOPIC}`);

const POINTS = [
  'before a byte',
  'mid-handshake',
  'after the request',
  'open',
  'mid-frame',
  'mid-message',
  'sent',
] as const;
type Point = (typeof POINTS)[number];

/** What is written last, before the cut. Undefined for points that come before the socket is open. */
function lastBytes(point: Point, chance: Random, index: number): Buffer | undefined {
  const whole = frame({ opcode: 1, payload: Buffer.from('half'.repeat(200)) });
  if (point === 'open') return Buffer.alloc(0);
  if (point === 'mid-frame') return whole.subarray(0, 1 + chance.below(whole.length - 1));
  if (point === 'mid-message') return frame({ opcode: 1, fin: false, payload: Buffer.from('half') });
  if (point === 'sent') return frame({ opcode: 1, payload: Buffer.from(`cut${index}`) });
  return undefined;
}

function cut(socket: Socket, byReset: boolean, bytes: Buffer | string): void {
  if (!byReset) socket.end(bytes);
  else socket.write(bytes, () => socket.resetAndDestroy());
}

test('10,000 connections cut at random cost nobody else a message, and leave nothing behind', ONLY_LINUX, async (t) => {
  const chance = new Random();
  t.diagnostic(`seed ${chance.seed}`);
  const relay = await serve(t);
  const pid = relay.child.pid as number;
  const listener = await SocketClient.open(t, relay.url(TOPIC));
  const witness = await Witness.start(t, relay, TOPIC);
  const filesBefore = openFiles(pid);
  let sent = 0;

  await storm(relay.port, CONNECTIONS, 100, (socket, index) => {
    const point = chance.pick(POINTS);
    const byReset = chance.below(2) === 0;
    const last = lastBytes(point, chance, index);
    if (point === 'sent' && !byReset) sent++;
    if (point === 'before a byte') cut(socket, byReset, '');
    else if (point === 'mid-handshake') cut(socket, byReset, REQUEST.slice(0, 1 + chance.below(REQUEST.length - 2)));
    else if (point === 'after the request') cut(socket, byReset, REQUEST);
    else socket.write(REQUEST);
    if (last === undefined) socket.resume();
    else
      socket.once('data', () => {
        socket.resume();
        cut(socket, byReset, last);
      });
  });

  await until('every cut connection is closed', () => openFiles(pid) === filesBefore);
  const { published, lost } = await witness.end();
  await listener.handled();
  const heard = listener.texts.filter((text) => /^cut\d+$/.test(text));
  assert.equal(lost, 0, `of ${published} messages (seed ${chance.seed})`);
  assert.ok(new Set(heard).size === heard.length, 'no message came twice');
  assert.ok(heard.length >= sent, `${sent} messages were sent whole before a FIN, ${heard.length} arrived`);
  assert.ok(!listener.texts.some((text) => text.startsWith('half')), 'half a message was relayed');
  record(t, {
    fault: 'connections cut at random (FIN or RST, at 7 points of their lives)',
    tried: CONNECTIONS,
    survived: CONNECTIONS,
    lost,
    held: `a steady publisher's ${published} messages reached both witnesses; ${sent} messages sent just before a FIN arrived; every descriptor is free again`,
  });
});

// What crosses to other workers and nodes of topics of which only the newest is delivered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Bus, CrossingKind } from '../../../src/bus/bus.js';
import { noBus } from '../../../src/bus/none.js';
import { parseDeliverRules } from '../../../src/config/deliver-rules.js';
import { writeParcel } from '../../../src/protocol/parcel.js';
import { ConflatingBus } from '../../../src/relay/deliver/conflating-bus.js';
import { CrossingRules } from '../../../src/relay/deliver/crossings.js';
import { HeldBytes } from '../../../src/relay/deliver/held-bytes.js';
import { WindowClock } from '../../../src/relay/deliver/window-clock.js';

test('of a newest-only topic a window sends the newest of each key across; all else crosses at once', async () => {
  const crossed: string[] = [];
  const bus: Bus = {
    ...noBus,
    reaches: (topic) => topic !== 'keyed/unwanted',
    forward: (topic, message) => {
      const text = Buffer.from(message as Uint8Array).toString();
      // When it was published is another test's matter.
      crossed.push(`${topic} ${text.replace(/^(\[.*),\d+(\.\d+)?\]\n/, '$1]\n')}`);
    },
  };
  const clock = new WindowClock(60_000);
  const held = new HeldBytes(() => {});
  const rules = parseDeliverRules('keyed/*=60s,latest-by-key:=;latest/*=60s,latest;all/*=60s');
  const { newCrossings } = new CrossingRules(rules, () => clock, 1000, held);
  const conflating = new ConflatingBus(bus, newCrossings);
  const send = (topic: string, text: string, kind: CrossingKind = CrossingKind.text): void =>
    conflating.forward(topic, Buffer.from(text), kind);
  send('free', '1');
  send('all/a', '1');
  send('all/a', '2');
  assert.deepEqual(crossed.splice(0), ['free 1', 'all/a 1', 'all/a 2']);
  for (const text of ['a=1', 'b=1', 'a=2']) send('keyed/t', text);
  conflating.forward('keyed/t', writeParcel('"whatever"', 'ann', 'b'), CrossingKind.envelope);
  conflating.forward('keyed/t', writeParcel('"c=1"', undefined), CrossingKind.envelope);
  for (const text of ['1', '2', '3']) send('latest/t', text);
  send('latest/t', '{"op":"join"}', CrossingKind.presence);
  assert.deepEqual(
    crossed.splice(0),
    ['latest/t {"op":"join"}'],
    'the first of a window waits for the end of the turn',
  );
  await turn();
  await turn();
  assert.deepEqual(
    crossed.splice(0),
    [
      'keyed/t [null,null,1]\n"a=2"',
      'keyed/t ["ann","b",1]\n"whatever"',
      'keyed/t [null,null,0]\n"c=1"',
      'latest/t [null,null,2]\n"3"',
    ],
    'each says what it has taken the place of',
  );
  assert.equal(held.waiting, 0);
  for (const text of ['a=1', 'b=1']) send('keyed/unwanted', text);
  assert.equal(held.waiting, 0, 'what nobody wants does not wait');
  assert.equal(crossed.splice(0).length, 2);
  send('latest/t', '4');
  send('latest/t', '5');
  await turn();
  assert.deepEqual(crossed, [], 'the window has just begun');
  clock.endAll();
  assert.deepEqual(crossed.splice(0), ['latest/t [null,null,1]\n"5"']);
  clock.endAll();
  const large = 'x'.repeat(600);
  for (const key of ['a', 'b']) send('keyed/u', `${key}=${large}`);
  assert.equal(
    crossed.splice(0).length,
    2,
    'what is too much to wait crosses before the end, and nothing of it is lost',
  );
  clock.endAll();
  clock.stop();
});

test('more topics than may wait cross at once, until others have gone quiet', () => {
  const clock = new WindowClock(60_000);
  const rules = parseDeliverRules('*=60s,latest');
  const { newCrossings } = new CrossingRules(rules, () => clock, 1000, new HeldBytes(() => {}));
  const crossings = newCrossings(() => () => {});
  let waiting = 0;
  while (waiting <= 200_000 && crossings.of(`t${waiting}`) !== undefined) waiting++;
  assert.equal(waiting, 100_000);
  assert.notEqual(crossings.of('t0'), undefined, 'a topic with something that waits goes on');
  clock.endAll();
  assert.notEqual(crossings.of('another'), undefined);
  clock.endAll();
  clock.stop();
});

// 100,000 malformed requests and frames: the relay refuses each, stays up, passes none of it on, and keeps its memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../support/fanwire-process.js';
import { megabytes, ONLY_LINUX, openFiles, rssBytes, until } from '../support/process-facts.js';
import { Random } from '../support/random.js';
import { SocketClient } from '../support/socket-client.js';
import { frame } from '../support/wire.js';
import { Witness } from '../support/witness.js';
import { allowedFrames, BAD_REQUESTS, FORBIDDEN_FRAMES, mutated } from './malformed.js';
import { record } from './reliability.js';
import { storm, upgradeRequest } from './storm.js';

const EACH = 33_334;
const AT_ONCE = 100;
const WARM_UP = 10_000;
/** What V8's heap may still grow by after the warm-up: its young generation (3 × 16 MB at most; 20 MB were seen) and
 *  pages not given back. A kilobyte a case would be 70 MB. */
const RSS_GROWTH_BYTES = 64 << 20;
const REQUEST = upgradeRequest('/fuzz');
/** Follows what must end the socket: it may never come out at the other end. */
const AFTERWARDS = frame({ opcode: 1, payload: Buffer.from('after the malformed') });

test(
  '100,000 malformed requests and frames leave the relay up, its memory flat and others undisturbed',
  ONLY_LINUX,
  async (t) => {
    const chance = new Random();
    t.diagnostic(`seed ${chance.seed}`);
    const relay = await serve(t);
    const pid = relay.child.pid as number;
    const witness = await Witness.start(t, relay, 'witness');
    // `ws` checks every frame it reads: a malformed one that is passed on closes this socket.
    const validator = await SocketClient.open(t, relay.url('fuzz'));
    const filesBefore = openFiles(pid);

    const requests = Object.values(BAD_REQUESTS);
    const badRequests = (count: number): Promise<void> =>
      storm(relay.port, count, AT_ONCE, (socket) => socket.resume().end(chance.pick(requests)(chance)));

    const frames = Object.values(FORBIDDEN_FRAMES);
    const onOpenSockets = (count: number, bytes: () => Buffer): Promise<void> =>
      storm(relay.port, count, AT_ONCE, (socket) => {
        socket.write(REQUEST);
        socket.once('data', () => socket.resume().end(bytes()));
      });
    const forbidden = (): Buffer => Buffer.concat([chance.pick(frames)(chance), AFTERWARDS]);
    const spoiled = (): Buffer => mutated(allowedFrames(chance), chance);

    const all = async (each: number): Promise<void> => {
      await badRequests(each);
      await onOpenSockets(each, forbidden);
      await onOpenSockets(each, spoiled);
    };
    await all(WARM_UP);
    const rssBefore = rssBytes(pid);
    await all(EACH - WARM_UP);

    const seed = `(seed ${chance.seed})`;
    await until(`every connection is closed ${seed}`, () => openFiles(pid) === filesBefore);
    const growth = rssBytes(pid) - rssBefore;
    const { published, lost } = await witness.end();
    assert.equal(lost, 0, `of ${published} messages ${seed}`);
    await onOpenSockets(1, () => AFTERWARDS);
    await validator.until(() => validator.texts.includes('after the malformed')); // still open: all it read was well formed
    const afterwards = validator.texts.filter((text) => text === 'after the malformed').length;
    assert.equal(afterwards, 1, `only what follows nothing malformed is relayed ${seed}`);
    assert.ok(growth < RSS_GROWTH_BYTES, `RSS grew by ${megabytes(growth)} ${seed}`);
    record(t, {
      fault: 'malformed requests and frames (seeded fuzz at byte level)',
      tried: 3 * EACH,
      survived: 3 * EACH,
      lost,
      held: `nothing malformed was passed on; RSS grew by ${megabytes(Math.max(0, growth))} after the first ${3 * WARM_UP} (bound ${megabytes(RSS_GROWTH_BYTES)}); ${published} messages relayed meanwhile`,
    });
  },
);

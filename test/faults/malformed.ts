// Malformed bytes of every kind: requests that are not HTTP or no proper upgrade, and frames that RFC 6455 forbids.

import type { Random } from '../support/random.js';
import { frame } from '../support/wire.js';
import { upgradeRequest } from './storm.js';

const MAX_PAYLOAD = 65_536;
const BAD_CLOSE_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];
/** Never UTF-8: overlong, a surrogate, above U+10FFFF, a lone continuation, a cut sequence, bytes that never occur. */
const BAD_UTF8 = ['c0af', 'e080af', 'eda080', 'f4908080', 'f8a1a1a1a1', '80', 'e282', 'ff', 'fe'].map((hex) =>
  Buffer.from(hex, 'hex'),
);
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;

/** A frame's head with a length that is written as told, whatever follows. */
function head(opcode: number, lengthByte: number, extended: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | lengthByte]), extended, Buffer.alloc(4)]);
}

function closePayload(code: number, reason: Buffer): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return Buffer.concat([payload, reason]);
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** What a relay must refuse on an open socket: nothing that comes after it may be relayed. */
export const FORBIDDEN_FRAMES: Record<string, (chance: Random) => Buffer> = {
  'reserved bits': (chance) =>
    frame({
      opcode: chance.pick([TEXT, BINARY, PING]),
      reserved: (1 + chance.below(7)) << 4,
      payload: chance.bytes(5),
    }),
  'reserved opcode': (chance) => frame({ opcode: chance.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) }),
  'control frame too long': (chance) =>
    frame({ opcode: chance.pick([CLOSE, PING, 10]), payload: chance.bytes(126 + chance.below(300)) }),
  'control frame in fragments': (chance) => frame({ opcode: chance.pick([CLOSE, PING, 10]), fin: false }),
  'continuation of nothing': (chance) =>
    frame({ opcode: 0, fin: chance.below(2) === 0, payload: chance.bytes(chance.below(50)) }),
  'message inside a message': () =>
    Buffer.concat([
      frame({ opcode: TEXT, fin: false, payload: Buffer.from('a') }),
      frame({ opcode: TEXT, payload: Buffer.from('b') }),
    ]),
  'length above all bounds': (chance) =>
    head(chance.pick([TEXT, BINARY]), 127, uint64(chance.pick([2n ** 63n, 2n ** 64n - 1n, 2n ** 32n, 2n ** 31n]))),
  'message too big': (chance) =>
    frame({ opcode: BINARY, masked: true, payload: Buffer.alloc(MAX_PAYLOAD + 1 + chance.below(1000)) }),
  'close code that may not be sent': (chance) =>
    frame({ opcode: CLOSE, payload: closePayload(chance.pick(BAD_CLOSE_CODES), Buffer.alloc(0)) }),
  'close code cut in half': () => frame({ opcode: CLOSE, payload: Buffer.alloc(1) }),
  'close reason that is not UTF-8': (chance) =>
    frame({ opcode: CLOSE, payload: closePayload(1000, chance.pick(BAD_UTF8)) }),
  'text that is not UTF-8': (chance) =>
    frame({ opcode: TEXT, payload: Buffer.concat([Buffer.from('x'.repeat(chance.below(80))), chance.pick(BAD_UTF8)]) }),
  'text in fragments that is not UTF-8': (chance) =>
    Buffer.concat([
      frame({ opcode: TEXT, fin: false, payload: Buffer.from('ok') }),
      frame({ opcode: 0, payload: chance.pick(BAD_UTF8) }),
    ]),
};

/** A valid exchange with a few of its bytes changed, taken out, put in or doubled, or cut short. */
export function mutated(bytes: Buffer, chance: Random): Buffer {
  let result = bytes;
  for (let edits = 1 + chance.below(4); edits > 0; edits--) {
    const at = chance.below(result.length + 1);
    const before = result.subarray(0, at);
    const kind = chance.below(6);
    if (kind === 0) result = Buffer.concat([before, chance.bytes(1), result.subarray(at + 1)]);
    else if (kind === 1) result = Buffer.concat([before, result.subarray(at + 1 + chance.below(8))]);
    else if (kind === 2) result = Buffer.concat([before, chance.bytes(1 + chance.below(16)), result.subarray(at)]);
    else if (kind === 3) result = Buffer.concat([before, before.subarray(-chance.below(64)), result.subarray(at)]);
    else if (kind === 4) result = Buffer.concat([before, Buffer.from([0, 13, 10]), result.subarray(at)]);
    else result = before;
  }
  return result;
}

/** Frames that are allowed, for `mutated` to spoil. */
export function allowedFrames(chance: Random): Buffer {
  return Buffer.concat([
    frame({ opcode: TEXT, fin: false, payload: Buffer.from('grüße') }),
    frame({ opcode: PING, payload: Buffer.from('?') }),
    frame({ opcode: 0, payload: Buffer.from(' 你好') }),
    frame({ opcode: BINARY, payload: chance.bytes(chance.below(300)) }),
    frame({ opcode: CLOSE, payload: closePayload(1000, Buffer.from('bye')) }),
  ]);
}

/** Requests that are no proper upgrade, or no HTTP at all. */
export const BAD_REQUESTS: Record<string, (chance: Random) => Buffer> = {
  'changed bytes': (chance) => mutated(Buffer.from(upgradeRequest('/fuzz')), chance),
  noise: (chance) => chance.bytes(1 + chance.below(600)),
  'a PROXY header and noise': (chance) =>
    Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a', 'hex'), chance.bytes(chance.below(64))]),
  'a header without end': (chance) => Buffer.from(`GET /fuzz HTTP/1.1\r\nA: ${'a'.repeat(chance.below(40_000))}`),
  'many headers': (chance) => Buffer.from(`GET /fuzz HTTP/1.1\r\n${'a: b\r\n'.repeat(chance.below(400))}\r\n`),
  'another version': (chance) =>
    replaced(
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Version: ${chance.pick(['8', '12', '130', '', '13, 8', 'x'])}`,
    ),
  'a bad key': (chance) => replaced(/Key: .*/, `Key: ${chance.pick(['', 'short', '='.repeat(24), 'é'.repeat(12)])}`),
  'a bad topic': (chance) =>
    replaced(
      '/fuzz',
      chance.pick(['/%', '/%zz', '/%ff%fe', '/%00', `/${'t'.repeat(9000)}`, '*', 'http://x/fuzz', '//']),
    ),
  'a body nobody asked for': (chance) =>
    Buffer.concat([
      Buffer.from(
        `POST /fuzz HTTP/1.1\r\nHost: x\r\n${chance.pick(['Content-Length: 99999999999999999999', 'Content-Length: -1', 'Transfer-Encoding: chunked', 'Content-Length: 5\r\nTransfer-Encoding: chunked'])}\r\n\r\n`,
      ),
      chance.bytes(chance.below(200)),
    ]),
  'another method': (chance) =>
    replaced('GET', chance.pick(['PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'PRI', 'get', 'X'.repeat(3000)])),
  'another HTTP': (chance) => replaced('HTTP/1.1', chance.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/9', 'ICY', ''])),
};

function replaced(what: string | RegExp, by: string): Buffer {
  return Buffer.from(upgradeRequest('/fuzz').replace(what, by));
}

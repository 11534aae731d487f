// How to talk to each kind of server: the URL of a topic, what to send before messages flow, and how a message is
// framed.

import { STAMP_BYTES } from '../../k6/lib/parameters.js';
import { type TargetDialect, topicUrl } from '../../targets/target.js';
import { OPCODE_TEXT } from './frame-reader.js';
import { type KeyPlace, maskedFrame, StampedFrame } from './frame-writer.js';

export interface DialectRules {
  readonly protocol: string | undefined;
  /** The stamp ends within this many bytes from the start of a message. */
  readonly headBytes: number;
  url(base: string, topic: string): string;
  /** What to send once the WebSocket is open; undefined: it already receives its topic's messages. */
  hello(topic: string): Buffer | undefined;
  /** Classifies a message without a stamp: the server's answer to `hello`, a ping inside the protocol, or an error. */
  judge(text: string): FrameVerdict;
  /** `keyDigits`: number of digits of the key in each message; 0: no key. */
  frame(topic: string, payloadBytes: number, isBinary: boolean, keyDigits: number): StampedFrame;
}

export type FrameVerdict =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly frame: Buffer }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'ignore' };

/** The key's digits and a comma. */
const MOST_KEY_BYTES = 16;
const IGNORE: FrameVerdict = { kind: 'ignore' };
const READY: FrameVerdict = { kind: 'ready' };

const raw: DialectRules = {
  protocol: undefined,
  headBytes: STAMP_BYTES + MOST_KEY_BYTES,
  url: topicUrl,
  hello: () => undefined,
  judge: () => IGNORE,
  frame(_topic, payloadBytes, isBinary, keyDigits) {
    const { before, key } = keyWord('', keyDigits);
    return new StampedFrame(before, padding(payloadBytes - before.length), isBinary, { key });
  },
};

const fanwireV1: DialectRules = {
  protocol: 'fanwire.v1',
  headBytes: 512,
  url: (base) => base,
  hello: (topic) => textFrame(JSON.stringify({ op: 'sub', topic, id: 1 })),
  judge(text) {
    if (text.startsWith('{"op":"ok"')) return READY;
    return text.startsWith('{"op":"error"') ? { kind: 'refused', reason: text.slice(0, 120) } : IGNORE;
  },
  frame(topic, payloadBytes, _isBinary, keyDigits) {
    const head = `{"op":"pub","topic":${JSON.stringify(topic)},`;
    const key = keyDigits === 0 ? undefined : { at: Buffer.byteLength(`${head}"key":"`), digits: keyDigits };
    const before = Buffer.from(`${head}${key === undefined ? '' : `"key":"${'0'.repeat(keyDigits)}",`}"data":"`);
    return new StampedFrame(before, Buffer.concat([padding(payloadBytes), Buffer.from('"}')]), false, { key });
  },
};

/** Engine.IO 4 packets: `0` open, `2` ping, `3` pong, `4` message. Inside a message, Socket.IO's: `40` connect, `42`
 *  event. */
const socketIo: DialectRules = {
  protocol: undefined,
  headBytes: 64,
  url: (base) => `${base.replace(/\/+$/, '')}/socket.io/?EIO=4&transport=websocket`,
  hello: () => textFrame('40'),
  judge(text) {
    if (text === '2') return { kind: 'answer', frame: textFrame('3') };
    if (text.startsWith('40')) return READY;
    return text.startsWith('44') ? { kind: 'refused', reason: text.slice(0, 120) } : IGNORE;
  },
  frame(_topic, payloadBytes, isBinary, keyDigits) {
    const { before, key } = keyWord(isBinary ? '' : '42["m","', keyDigits);
    if (isBinary) {
      const prelude = textFrame('451-["m",{"_placeholder":true,"num":0}]');
      return new StampedFrame(before, padding(payloadBytes - before.length), true, { prelude, key });
    }
    const after = Buffer.concat([padding(payloadBytes - (key === undefined ? 0 : keyDigits + 1)), Buffer.from('"]')]);
    return new StampedFrame(before, after, false, { key });
  },
};

export const dialects: Readonly<Record<TargetDialect, DialectRules>> = {
  raw,
  'fanwire.v1': fanwireV1,
  'socket.io': socketIo,
};

/** Adds "0000," to `head` where messages have keys: the placeholder for the key, with `digits` digits. */
function keyWord(head: string, digits: number): { before: Uint8Array; key: KeyPlace | undefined } {
  if (digits === 0) return { before: Buffer.from(head), key: undefined };
  return { before: Buffer.from(`${head}${'0'.repeat(digits)},`), key: { at: Buffer.byteLength(head), digits } };
}

function padding(payloadBytes: number): Buffer {
  return Buffer.alloc(Math.max(0, payloadBytes - STAMP_BYTES), 'x');
}

function textFrame(text: string): Buffer {
  return maskedFrame(OPCODE_TEXT, Buffer.from(text));
}

// How each kind of server is spoken to: where a topic is, what must be said before messages flow, how a message is
// framed.

import { STAMP_BYTES } from '../../scenarios/scenario.js';
import { type Dialect, topicUrl } from '../../targets/target.js';
import { OPCODE_TEXT } from './frame-reader.js';
import { maskedFrame, StampedFrame } from './frame-writer.js';

export interface DialectRules {
  readonly protocol: string | undefined;
  /** Bytes of a message's start in which the stamp ends at the latest. */
  readonly headBytes: number;
  url(base: string, topic: string): string;
  /** What to send once the WebSocket is open; undefined: it hears its topic already. */
  hello(topic: string): Buffer | undefined;
  /** Judges a message without a stamp: the server's answer to `hello`, a ping inside the protocol, or an error. */
  judge(text: string): Verdict;
  frame(topic: string, payloadBytes: number, isBinary: boolean): StampedFrame;
}

export type Verdict =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly frame: Buffer }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'ignore' };

const NOTHING = new Uint8Array(0);
const IGNORE: Verdict = { kind: 'ignore' };
const READY: Verdict = { kind: 'ready' };

const raw: DialectRules = {
  protocol: undefined,
  headBytes: STAMP_BYTES,
  url: topicUrl,
  hello: () => undefined,
  judge: () => IGNORE,
  frame: (_topic, payloadBytes, isBinary) => new StampedFrame(NOTHING, padding(payloadBytes), isBinary),
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
  frame(topic, payloadBytes) {
    const before = `{"op":"pub","topic":${JSON.stringify(topic)},"data":"`;
    return new StampedFrame(Buffer.from(before), Buffer.concat([padding(payloadBytes), Buffer.from('"}')]), false);
  },
};

/** Engine.IO 4 packets: `0` open, `2` ping, `3` pong, `4` message; Socket.IO inside: `40` connect, `42` event. */
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
  frame(_topic, payloadBytes, isBinary) {
    if (isBinary) {
      const event = textFrame('451-["m",{"_placeholder":true,"num":0}]');
      return new StampedFrame(NOTHING, padding(payloadBytes), true, event);
    }
    return new StampedFrame(Buffer.from('42["m","'), Buffer.concat([padding(payloadBytes), Buffer.from('"]')]), false);
  },
};

export const dialects: Readonly<Record<Dialect, DialectRules>> = {
  raw,
  'fanwire.v1': fanwireV1,
  'socket.io': socketIo,
};

function padding(payloadBytes: number): Buffer {
  return Buffer.alloc(Math.max(0, payloadBytes - STAMP_BYTES), 'x');
}

function textFrame(text: string): Buffer {
  return maskedFrame(OPCODE_TEXT, Buffer.from(text));
}

// One connection of the playground to the relay, in raw mode or fanwire.v1: the same few verbs for both.
import type { ServerOp } from '../../../protocol/ops.js';

export type LinkMode = 'raw' | 'fanwire.v1';

export interface Heard {
  /** Text, or the bytes of a binary message. */
  readonly payload: string | Uint8Array;
  readonly bytes: number;
  /** `seq` and `from`, where an envelope told them. */
  readonly about: string;
}

export interface LinkEvents {
  joined(): void;
  heard(message: Heard): void;
  /** Something else that the relay said: an error, a loss, a drain. */
  told(note: string): void;
  ended(code: number, reason: string, hadJoined: boolean): void;
}

export class RelayLink {
  private readonly socket: WebSocket;
  private hasJoined = false;

  /** Opens the connection. Throws where the URL or the token cannot be put into a request. */
  constructor(
    url: string,
    private readonly mode: LinkMode,
    private readonly topic: string,
    token: string,
    private readonly events: LinkEvents,
  ) {
    const protocol = mode === 'raw' ? 'fanwire.raw' : mode;
    const address = new URL(mode === 'raw' ? `/${encodeURIComponent(topic)}` : '/', url);
    const protocols = [protocol];
    // A subprotocol is an RFC 9110 token; a static token of other characters goes into the query.
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(token)) protocols.push(`fanwire.token.${token}`);
    else if (token !== '') address.searchParams.set('token', token);
    this.socket = new WebSocket(address, protocols);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => this.opened();
    this.socket.onmessage = ({ data }) => this.received(data);
    this.socket.onclose = ({ code, reason }) => events.ended(code, reason, this.hasJoined);
  }

  sendText(text: string): void {
    this.socket.send(this.mode === 'raw' ? text : this.publish({ data: text }));
  }

  sendBytes(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.mode === 'raw') this.socket.send(bytes);
    else this.socket.send(this.publish({ data: btoa(String.fromCharCode(...bytes)), encoding: 'base64' }));
  }

  /** Enveloped only. */
  sendJson(data: unknown): void {
    this.socket.send(this.publish({ data }));
  }

  close(): void {
    this.socket.close(1000);
  }

  private publish(content: { data: unknown; encoding?: 'base64' }): string {
    return JSON.stringify({ op: 'pub', topic: this.topic, ...content });
  }

  private opened(): void {
    if (this.mode === 'raw') this.enter();
    else this.socket.send(JSON.stringify({ op: 'sub', topic: this.topic, id: 1 }));
  }

  private enter(): void {
    this.hasJoined = true;
    this.events.joined();
  }

  private received(frame: string | ArrayBuffer): void {
    if (typeof frame !== 'string') {
      const payload = new Uint8Array(frame);
      this.events.heard({ payload, bytes: payload.length, about: '' });
    } else if (this.mode === 'raw') this.events.heard({ payload: frame, bytes: byteLength(frame), about: '' });
    else this.answered(JSON.parse(frame) as ServerOp, byteLength(frame));
  }

  private answered(op: ServerOp, bytes: number): void {
    if (op.op === 'msg') {
      const payload = op.encoding === 'base64' ? fromBase64(String(op.data)) : textOf(op.data);
      const about = [op.seq === undefined ? '' : `#${op.seq}`, op.from === undefined ? '' : `from ${op.from}`];
      this.events.heard({ payload, bytes, about: about.join(' ').trim() });
    } else if (op.op === 'ok' && op.id === 1) this.enter();
    else if (op.op === 'error') {
      this.events.told(`${op.code}: ${op.message}`);
      if (op.id === 1) this.socket.close(1000);
    } else if (op.op === 'lost') this.events.told(`${op.count} messages were lost: this client is too slow`);
    else if (op.op === 'drain') this.events.told('the relay is going to restart');
    else if (op.op === 'join' || op.op === 'leave') {
      this.events.told(`${op.member.user ?? op.member.id} ${op.op === 'join' ? 'joined' : 'left'}`);
    }
  }
}

function textOf(data: unknown): string {
  return typeof data === 'string' ? data : JSON.stringify(data);
}

export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** "0f a0" → bytes; undefined for what is no hex. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  const digits = text.replace(/0x|[\s,:]/gi, '');
  if (digits.length % 2 === 1 || !/^[0-9a-f]*$/i.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

// Ops for one socket: a replay, what it missed of a window. In one frame where it takes that, else a frame each.
import { utf8 } from '../bytes.js';
import type { Connection } from './audience.js';

const COMMA = utf8(',');
const OPEN = utf8('[');
const CLOSE = utf8(']');

export class OwnOps {
  /** Bytes that wait for `end`. */
  waiting = 0;
  private readonly held: Uint8Array[] = [];

  /** Within the socket's cork, for one write. */
  constructor(private readonly connection: Connection) {}

  say(op: Uint8Array): void {
    const { ws, dialect } = this.connection;
    if (dialect !== 'batched') {
      ws?.send(op, false);
      return;
    }
    this.held.push(this.held.length === 0 ? OPEN : COMMA, op);
    this.waiting += op.length;
  }

  end(): void {
    const { held } = this;
    if (held.length === 0) return;
    const frame = held.length === 2 ? (held[1] as Uint8Array) : Buffer.concat([...held, CLOSE]);
    this.connection.ws?.send(frame, false);
  }
}

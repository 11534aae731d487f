// Ops for one socket, such as a replay or what it missed of a window: in one frame if it takes several ops in one, else
// a frame each.
import { utf8 } from '../bytes.js';
import type { Connection } from './audience.js';

const COMMA = utf8(',');
const OPEN = utf8('[');
const CLOSE = utf8(']');

export class OwnOps {
  /** Bytes that wait for `end`. */
  waiting = 0;
  private readonly held: Uint8Array[] = [];

  /** Use it within the socket's cork, so that all becomes one write. */
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

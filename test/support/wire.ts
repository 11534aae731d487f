// Frames byte by byte on a plain TCP socket, for what a well-behaved client cannot send.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface FrameParts {
  readonly opcode: number;
  readonly payload?: Buffer;
  readonly fin?: boolean;
  readonly masked?: boolean;
  /** Reserved bits, as they stand in the first byte (0x40, 0x20, 0x10). */
  readonly reserved?: number;
}

/** One client frame (RFC 6455, section 5.2). */
export function frame({
  opcode,
  payload = Buffer.alloc(0),
  fin = true,
  masked = true,
  reserved = 0,
}: FrameParts): Buffer {
  const { length } = payload;
  const extended = length < 126 ? Buffer.alloc(0) : length < 65536 ? Buffer.alloc(2) : Buffer.alloc(8);
  if (extended.length === 2) extended.writeUInt16BE(length);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length));
  const short = length < 126 ? length : length < 65536 ? 126 : 127;
  const head = Buffer.from([(fin ? 0x80 : 0) | reserved | opcode, (masked ? 0x80 : 0) | short]);
  if (!masked) return Buffer.concat([head, extended, payload]);
  const mask = randomBytes(4);
  const body = Buffer.from(payload.map((byte, i) => byte ^ (mask[i & 3] as number)));
  return Buffer.concat([head, extended, mask, body]);
}

/** A TCP connection that the relay has upgraded. */
export async function upgraded(t: TestContext, port: number, path: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(`no upgrade: ${answer}`);
  return socket;
}

// The server that measures the floor: it only passes each frame on to the other sockets, so a run against it measures
// little more than the generator and the kernel. Not for real use: it expects each frame to be a whole message of
// less than 64 KiB, and does not answer pings. Usage: node echo-server.js PORT

import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const OPCODE_CLOSE = 8;
/** Header and mask of the shortest frame. If there is a two-byte length field, these six bytes include it. */
const SHORTEST_FRAME = 6;
const NOTHING = Buffer.alloc(0);

/** Each socket with the start of a frame that is still incomplete. */
const sockets = new Map<Socket, Buffer>();

function accept(socket: Socket, request: string): void {
  const key = /\r\nsec-websocket-key: *(\S+)/i.exec(request)?.[1] ?? '';
  const answer = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${answer}\r\n\r\n`,
  );
  sockets.set(socket, NOTHING);
}

/** Passes on the complete frames of `bytes`, masked in and unmasked out; returns the rest, an incomplete frame. */
function passOn(from: Socket, bytes: Buffer): Buffer {
  let at = 0;
  while (bytes.length - at >= SHORTEST_FRAME) {
    const short = (bytes[at + 1] as number) & 127;
    const head = short === 126 ? 4 : 2;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
    const end = at + head + 4 + length;
    if (bytes.length < end) break;
    const opcode = (bytes[at] as number) & 15;
    if (opcode === OPCODE_CLOSE) from.end();
    else if (opcode < OPCODE_CLOSE) broadcast(from, unmasked(bytes.subarray(at, end), head));
    at = end;
  }
  return bytes.subarray(at);
}

function unmasked(masked: Buffer, head: number): Buffer {
  const frame = Buffer.allocUnsafe(masked.length - 4);
  masked.copy(frame, 0, 0, head);
  frame[1] = (frame[1] as number) & 127;
  for (let i = head; i < frame.length; i++) {
    frame[i] = (masked[i + 4] as number) ^ (masked[head + ((i - head) & 3)] as number);
  }
  return frame;
}

function broadcast(from: Socket, frame: Buffer): void {
  for (const other of sockets.keys()) if (other !== from) other.write(frame);
}

createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
  socket.on('data', (chunk) => {
    const left = sockets.get(socket);
    if (left === undefined) accept(socket, chunk.toString('latin1'));
    else sockets.set(socket, passOn(socket, left.length === 0 ? chunk : Buffer.concat([left, chunk])));
  });
}).listen(Number(process.argv[2]), '127.0.0.1');

// The server of the floor measurement: it does nothing but pass each frame on to the other sockets, so that what a run
// against it measures is the meter, the kernel and little else. No server to use: frames are whole messages of less
// than 64 KiB, pings are not answered. Usage: node echo-server.js PORT

import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const OPCODE_CLOSE = 8;
/** Header and mask; a length of two bytes is then there too where there is one. */
const SHORTEST_FRAME = 6;
const NOTHING = Buffer.alloc(0);

/** Each with the beginning of a frame that is not whole yet. */
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

/** Passes on the whole frames of `bytes`, masked in and unmasked out; returns what is left of a cut one. */
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

// Sockets that only count the bytes that they receive, or the occurrences of one byte. No receiver is cheaper, so the
// server stays the bottleneck.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** All sockets read into one buffer, so nothing is allocated per chunk. */
const readBuffer = Buffer.allocUnsafeSlow(1 << 20);
const HANDSHAKES_IN_FLIGHT = 64;
/** A server that took the connection and says nothing would be waited for without end. */
const HANDSHAKE_MS = 10_000;
/** Longer than any response to an upgrade. */
const LONGEST_RESPONSE = 16_384;

export class ByteSockets {
  received = 0;
  onReceive: (() => void) | undefined;
  readonly sockets: Socket[] = [];

  /** @param mark the byte to count, for messages whose length on the wire varies; all bytes are counted unless given */
  constructor(private readonly mark?: number) {}

  /** Opens `count` sockets on a ws:// URL; `headers` are additional request lines, each with its CRLF.
   *  @throws Error why the server took one of them not: "HTTP 503" */
  async open(url: string, count: number, headers = ''): Promise<void> {
    let left = count;
    let failure: unknown;
    const lane = async (): Promise<void> => {
      while (left-- > 0) this.sockets.push(await this.openOne(new URL(url), headers));
    };
    const ended = (error: unknown): void => {
      failure ??= error;
      left = 0;
    };
    // All lanes are waited for, or those that still open sockets would leave them to nobody.
    await Promise.all(Array.from({ length: Math.min(count, HANDSHAKES_IN_FLIGHT) }, () => lane().catch(ended)));
    if (failure !== undefined) throw failure;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private openOne(url: URL, headers: string): Promise<Socket> {
    return new Promise((resolve, reject) => {
      let head: string | undefined = '';
      const socket = connect({
        port: Number(url.port || 80),
        // An IPv6 address has brackets in a URL, and none here.
        host: url.hostname.replace(/^\[|\]$/g, ''),
        noDelay: true,
        onread: {
          buffer: readBuffer,
          callback: (size, buffer) => {
            if (head === undefined) {
              this.received += this.mark === undefined ? size : occurrences(buffer, size, this.mark);
              this.onReceive?.();
              return true;
            }
            head += Buffer.from(buffer.buffer, buffer.byteOffset, size).toString('latin1');
            if (head.includes('\r\n\r\n')) {
              if (head.startsWith('HTTP/1.1 101')) open();
              else refuse(/^HTTP\/1\.\d \d{3}/.exec(head)?.[0].replace(/\/1\.\d/, '') ?? 'no HTTP');
              head = undefined;
            } else if (head.length > LONGEST_RESPONSE) refuse('no end of HTTP headers');
            return true;
          },
        },
      });
      const refuse = (why: string): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(new Error(why));
      };
      const open = (): void => {
        clearTimeout(timer);
        resolve(socket);
      };
      const timer = setTimeout(() => refuse(`no handshake within ${HANDSHAKE_MS / 1000} s`), HANDSHAKE_MS);
      socket.on('error', (error) => refuse(error.message));
      socket.once('close', () => refuse('closed before its handshake was over'));
      socket.write(
        `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n${headers}\r\n`,
      );
    });
  }
}

function occurrences(bytes: Uint8Array, size: number, mark: number): number {
  const received = bytes.subarray(0, size);
  let count = 0;
  for (let at = received.indexOf(mark); at >= 0; at = received.indexOf(mark, at + 1)) count++;
  return count;
}

/** A binary frame with `size` payload bytes as a client sends it (masked, with a mask of zero), and its length as the
 *  server sends it. */
export function binaryFrame(size: number): PublishedFrame {
  const payload = Buffer.alloc(size, 0x61);
  return { frame: clientFrame(0x82, payload), receivedBytes: serverFrameBytes(size) };
}

/** A message as its publisher sends it, and how many bytes each subscriber receives for it (or marks, if those are
 *  counted). */
export interface PublishedFrame {
  readonly frame: Buffer;
  readonly receivedBytes: number;
}

/** Length of a server's frame with `size` bytes of payload. */
export function serverFrameBytes(size: number): number {
  return size + (size < 126 ? 2 : size < 65536 ? 4 : 10);
}

/** A client's frame with `first` as its first byte, and a mask of zero. */
export function clientFrame(first: number, payload: Uint8Array): Buffer {
  const size = payload.length;
  const lengthBytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
  const frame = Buffer.alloc(2 + lengthBytes + 4 + size);
  frame[0] = first;
  frame[1] = 0x80 | (lengthBytes === 0 ? size : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) frame.writeUInt16BE(size, 2);
  if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(size), 2);
  frame.set(payload, 2 + lengthBytes + 4);
  return frame;
}

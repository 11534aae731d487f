// Many short-lived TCP connections, each with a life of its own, a bounded number at a time.
import { connect, type Socket } from 'node:net';

/** What a client writes to open `path` as a WebSocket. */
export function upgradeRequest(path: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
  );
}

/** One loopback address has 28,000 ports, each of which rests for a minute after some of the closes. */
function sourceAddress(index: number): string {
  return `127.0.0.${2 + (index % 250)}`;
}

/** Opens `count` connections, at most `atOnce` at a time, and lets each `live`. One is over when its socket has
 *  closed. */
export async function storm(
  port: number,
  count: number,
  atOnce: number,
  live: (socket: Socket, index: number) => void,
): Promise<void> {
  let started = 0;
  const lane = async (): Promise<void> => {
    while (started < count) {
      const index = started++;
      await new Promise<void>((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1', localAddress: sourceAddress(index), noDelay: true });
        socket.on('error', (error: NodeJS.ErrnoException) => {
          // The relay cutting the connection is part of the life; not getting one is not.
          if (error.syscall === 'connect') reject(error);
        });
        socket.once('close', resolve);
        live(socket, index);
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane));
}

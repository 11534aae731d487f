// When a relay that ends may close what is left. Its WebSockets were told to close, and end when their clients close
// their side; closing them here would send a reset, which cuts off data on its way to a client that is itself sending.
// Idle HTTP connections (keep-alive, or a client that sent nothing) do not end by themselves; uWS cannot list them and
// closes them only after 10 s. So the kernel is asked how many sockets this process has on the port: once only idle
// HTTP connections are left, they are closed.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const FIRST_WAIT_MS = 10;
/** The list of a host with 100,000 sockets is 15 MB: it is not read often. */
const LONGEST_WAIT_MS = 200;
/** The states of proc(5) in which no process has a socket open: TIME_WAIT, CLOSE, LISTEN, SYN_RECV and the kernel's
 *  variant of it. */
const NOT_OPEN = new Set(['03', '06', '07', '0A', '0C']);

/** What is known of the sockets of a relay, or of several threads that share its port. */
export interface HttpConnections {
  /** Connections that are no WebSockets. */
  readonly open: number;
  /** Those of them that wait for an answer. */
  readonly underWay: number;
}

/** Resolves when the port has no socket left except idle HTTP connections; never if the kernel does not report them
 *  (no /proc).
 *  @param ask returns what the relay knows now */
export async function onlyIdleLeft(
  port: number,
  ask: () => Promise<HttpConnections>,
  isOver: () => boolean,
): Promise<void> {
  for (let waitMs = FIRST_WAIT_MS; !isOver(); waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
    const connections = await ask();
    // Without HTTP connections the process ends by itself, with its last WebSocket.
    const isLeft = connections.open > 0 && (await isOnlyIdleLeft(port, connections));
    if (isLeft === undefined) return new Promise(() => {});
    if (isLeft) return;
    // The timer must not keep the process alive.
    await sleep(waitMs, undefined, { ref: false });
  }
}

/** Undefined if the kernel does not report sockets. */
export async function isOnlyIdleLeft(port: number, { open, underWay }: HttpConnections): Promise<boolean | undefined> {
  if (underWay > 0) return false;
  const held = await openSockets(port);
  return held === undefined ? undefined : held <= open;
}

/** Sockets that processes of this machine have on the local `port`, except listening ones; undefined if the kernel
 *  does not report them. */
export async function openSockets(port: number): Promise<number | undefined> {
  const tables = await Promise.all(['/proc/self/net/tcp', '/proc/self/net/tcp6'].map(table));
  if (tables.every((each) => each === undefined)) return undefined;
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  // ` 12: 0100007F:2329 0100007F:D1F2 01 00000000:00000000 02:000A7214 00000000 1000 0 48213 …`: the inode is 0 once no
  // process has the socket any more, or none has accepted it yet.
  const line = new RegExp(`^ *\\d+: [0-9A-F]+:${hexPort} \\S+ ([0-9A-F]{2})(?: +\\S+){5} +(\\d+)`, 'gm');
  let count = 0;
  for (const text of tables) {
    for (const [, state = '', inode] of (text ?? '').matchAll(line)) {
      if (inode !== '0' && !NOT_OPEN.has(state)) count++;
    }
  }
  return count;
}

async function table(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1');
  } catch {
    return undefined;
  }
}

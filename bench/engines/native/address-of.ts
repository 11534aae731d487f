// Resolves a host name. Of several addresses, it takes the first that accepts a connection: on many machines
// `localhost` means ::1 before 127.0.0.1, and a relay on loopback listens on one of them only.

import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';

const ANSWERS_WITHIN_MS = 1000;

/** @throws NodeJS.ErrnoException where the name does not resolve */
export async function addressOf(name: string, port: number): Promise<string> {
  const found = (await lookup(name, { all: true })).map(({ address }) => address);
  const first = found[0] as string;
  if (found.length === 1) return first;
  for (const address of found) if (await accepts(address, port)) return address;
  return first;
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const answer = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.setTimeout(ANSWERS_WITHIN_MS, () => answer(false));
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}

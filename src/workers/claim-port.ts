// Finds out whether a port is free before several threads share it: with SO_REUSEPORT they would share it with another
// relay.
import { cannotListen, tryListening } from '../relay/listening.js';

/** Below the ports that the kernel assigns by itself, so that no other process is given the port between the claim
 *  and the listening. */
const LOWEST = 20_000;
const HIGHEST = 32_767;
const TRIES = 20;

/** The port to listen on: `port`, or any free one where it is 0.
 *  @throws FanwireError FANWIRE_LISTEN where another process has it, or the address is not this machine's */
export async function claimPort(host: string, port: number): Promise<number> {
  for (let left = port === 0 ? TRIES : 0; left > 0; left--) {
    const one = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    const found = await claim(host, one).catch(() => undefined);
    if (found !== undefined) return found;
  }
  return claim(host, port);
}

function claim(host: string, port: number): Promise<number> {
  return tryListening(host, port).catch((error: NodeJS.ErrnoException) => {
    throw cannotListen(host, port, ['--port', '--host'], error);
  });
}

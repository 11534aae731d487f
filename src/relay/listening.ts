// Messages about a port that is listened on, or cannot be used.
import { FanwireError } from '../base/error.js';

/** @param flags the flags that choose port and address
 *  @param reason what is wrong, if known */
export function cannotListen(
  host: string,
  port: number,
  [portFlag, hostFlag]: readonly [string, string],
  reason = "the port is in use or the address is not this machine's",
): FanwireError {
  return new FanwireError(
    'FANWIRE_LISTEN',
    `cannot listen on ${host}:${port}: ${reason}; stop what has it, or choose another with ${portFlag} ` +
      `(0 takes any free one) or ${hostFlag}`,
  );
}

/** `ws://[::1]:9001` */
export function urlOf(scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

// Where a page that came from the admin listener finds the relay. Pure: the listener's policy and the page's script
// both ask it.
import type { RelayEntrance } from '../stats-report.js';

const ANY_ADDRESS = new Set(['0.0.0.0', '::', '']);

/** The relay as a URL without a path, `ws://127.0.0.1:9001`.
 *  @param pageHostname the host that the page was asked from, as `location.hostname` has it: a relay that listens on
 *  all addresses is reached where its admin listener was */
export function relayUrl({ host, port, tls }: RelayEntrance, pageHostname: string): string {
  const name = ANY_ADDRESS.has(host) ? pageHostname : host;
  return `${tls ? 'wss' : 'ws'}://${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${port}`;
}

/** The name in a Host header as `location.hostname` has it; undefined for one that is no plain name or address. */
export function hostnameOf(hostHeader: string): string | undefined {
  const name = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d+)?$/i.exec(hostHeader)?.[1];
  return name?.toLowerCase();
}

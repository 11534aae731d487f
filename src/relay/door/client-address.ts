// The address a client really comes from, behind zero or more trusted proxies, and the key it is counted by.
import { BlockList, isIP } from 'node:net';
import { FanwireError } from '../../base/error.js';

/** What is known of where a request comes from. Addresses are binary as uWS gives them: 4 or 16 bytes. */
export interface RequestSource {
  readonly peer: ArrayBuffer;
  /** From a PROXY protocol v2 header; empty when there was none. */
  readonly proxied: ArrayBuffer;
  /** All X-Forwarded-For headers in order, joined by commas; empty when there is none. Called only if it is trusted. */
  readonly forwardedFor: () => string;
}

/** Gives the client's address as text (`192.0.2.7`, `2001:db8:0:0:0:0:0:7`). */
export type ClientAddress = (source: RequestSource) => string;

const RANGES: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'],
};

/**
 * Compiles `--trust-proxy`: a number of proxies in front (`1`), or addresses, CIDR ranges and the words `loopback`
 * and `private`; with the word `proxy-protocol` the address comes from a PROXY v2 header of a trusted peer
 * instead of X-Forwarded-For. An empty list trusts nobody: the peer is the client.
 * Throws FanwireError FANWIRE_CONFIG_TRUST_PROXY.
 */
export function compileTrustProxy(entries: readonly string[]): ClientAddress {
  const proxyProtocol = entries.includes('proxy-protocol');
  const rest = entries.filter((entry) => entry !== 'proxy-protocol');
  const hops = rest.find((entry) => /^\d+$/.test(entry));
  if (hops !== undefined) {
    if (rest.length > 1 || proxyProtocol) throw badEntry(hops, 'a number of proxies stands alone');
    return byHops(Number(hops));
  }
  if (proxyProtocol && rest.length === 0) {
    throw badEntry(
      'proxy-protocol',
      'name the proxies too (proxy-protocol,10.0.0.0/8): any client can send that header',
    );
  }
  if (rest.length === 0) return ({ peer }) => addressText(peer);
  const trusted = trustedRanges(rest);
  return proxyProtocol ? byProxyProtocol(trusted) : byRanges(trusted);
}

/** With `hops` proxies in front, each having appended the address it saw, the client is that many entries from the
 *  right. */
function byHops(hops: number): ClientAddress {
  return ({ peer, forwardedFor }) => {
    let client = addressText(peer);
    const chain = forwardedFor().split(',');
    for (let hop = 0; hop < hops; hop++) {
      const next = forwardedAddress(chain.pop());
      if (next === undefined) return client;
      client = next;
    }
    return client;
  };
}

/** Walks from right to left while the current address is a trusted proxy, so that entries which the client wrote
 *  itself, further left, are never used. */
function byRanges(trusted: BlockList): ClientAddress {
  return ({ peer, forwardedFor }) => {
    let client = addressText(peer);
    if (!isTrusted(trusted, client)) return client;
    const chain = forwardedFor().split(',');
    while (isTrusted(trusted, client)) {
      const next = forwardedAddress(chain.pop());
      if (next === undefined) return client;
      client = next;
    }
    return client;
  };
}

function byProxyProtocol(trusted: BlockList): ClientAddress {
  return ({ peer, proxied }) => {
    const address = addressText(peer);
    return proxied.byteLength > 0 && isTrusted(trusted, address) ? addressText(proxied) : address;
  };
}

function trustedRanges(entries: readonly string[]): BlockList {
  const trusted = new BlockList();
  for (const range of entries.flatMap((entry) => RANGES[entry] ?? [entry])) {
    const [address = '', prefix] = range.split('/');
    const version = isIP(address);
    const bits = prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix);
    if (version === 0 || !/^\d+$/.test(prefix ?? '0') || bits > (version === 4 ? 32 : 128)) {
      throw badEntry(
        range,
        'write a number of proxies, an address, a range (10.0.0.0/8), loopback, private or proxy-protocol',
      );
    }
    trusted.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  }
  return trusted;
}

function isTrusted(trusted: BlockList, address: string): boolean {
  return trusted.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}

/** An X-Forwarded-For entry as a plain address: some proxies add ports and brackets. Undefined if it is no address. */
function forwardedAddress(entry: string | undefined): string | undefined {
  const text = entry?.trim() ?? '';
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  const version = isIP(bare);
  if (version === 4) return bare;
  return version === 6 && !bare.includes('%') ? addressText(ipv6Bytes(bare)) : undefined;
}

/** Text of a binary address. An IPv4 address mapped into IPv6 (::ffff:192.0.2.7, as a listener on `::` sees it)
 *  becomes plain IPv4. */
export function addressText(address: ArrayBuffer): string {
  const bytes = new Uint8Array(address);
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return 'unknown';
  const mapped = bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  if (mapped) return bytes.subarray(12).join('.');
  const groups = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] as number) << 8) | (bytes[i + 1] as number)).toString(16));
  return groups.join(':');
}

/** The key by which an address's connections are counted: an IPv4 address itself, or the /64 of an IPv6 address,
 *  since a subscriber line gets a whole /64 and can use any address in it. Takes what `ClientAddress` returns. */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address;
  return `${address.split(':').slice(0, 4).join(':')}::/64`;
}

/** The 16 bytes of an IPv6 address that isIP() accepted. */
function ipv6Bytes(text: string): ArrayBuffer {
  const embedded = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const hex = embedded
    ? `${embedded[1]}${pairHex(embedded[2], embedded[3])}:${pairHex(embedded[4], embedded[5])}`
    : text;
  const [left = '', right] = hex.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = Array<string>(8 - head.length - tail.length).fill('0');
  const view = new DataView(new ArrayBuffer(16));
  [...head, ...zeros, ...tail].forEach((group, index) => {
    view.setUint16(index * 2, Number.parseInt(group, 16));
  });
  return view.buffer;
}

function pairHex(high: string | undefined, low: string | undefined): string {
  return ((Number(high) << 8) | Number(low)).toString(16);
}

function badEntry(entry: string, mend: string): FanwireError {
  return new FanwireError(
    'FANWIRE_CONFIG_TRUST_PROXY',
    `--trust-proxy: ${JSON.stringify(entry)} cannot be used; ${mend}`,
  );
}

// How much of the relay one client, one address, or all of them together may use.
import { group, option } from '../option.js';
import { bytes, choice, count, list } from '../types.js';

export const limits = group('Limits', {
  maxConnectionsPerIp: option({
    flag: 'max-connections-per-ip',
    argument: 'n',
    description: 'Open WebSockets of one IPv4 address or IPv6 /64, beyond which an upgrade is refused with 429',
    zero: 'unlimited',
    type: count(0, 10_000_000),
    default: 0,
  }),
  handshakeRate: option({
    flag: 'handshake-rate',
    argument: 'n',
    description: 'Upgrades a second, beyond which they are refused with 503 and Retry-After',
    unit: 'per second',
    zero: 'unlimited',
    type: count(0, 1_000_000),
    default: 0,
  }),
  trustProxy: option({
    flag: 'trust-proxy',
    argument: 'list',
    description:
      'Proxies in front: their number, or addresses, CIDR ranges, loopback, private; with proxy-protocol the client comes from a PROXY v2 header, else from X-Forwarded-For; empty: none',
    type: list('a number, or a comma-separated list of addresses and ranges'),
    default: [],
  }),
  maxPublishRate: option({
    flag: 'max-publish-rate',
    argument: 'n',
    description: 'Messages a second one connection may publish',
    unit: 'per second',
    zero: 'unlimited',
    type: count(0, 10_000_000),
    default: 0,
  }),
  maxPublishBytesPerSecond: option({
    flag: 'max-publish-bytes',
    argument: 'size',
    description: 'Payload bytes a second one connection may publish',
    unit: 'bytes',
    zero: 'unlimited',
    type: bytes(0, 1024 * 1024 * 1024),
    default: 0,
  }),
  overPublishLimit: option({
    flag: 'over-publish-limit',
    argument: 'action',
    description: 'What becomes of a message beyond these: drop (and count) it, or close its socket with 1008',
    type: choice('drop', 'close'),
    default: 'close',
  }),
  maxOpRate: option({
    flag: 'max-op-rate',
    argument: 'n',
    description:
      'Ops other than pub, and control frames, a second from one connection (ten seconds of them at once); one that goes on closes with 1008',
    unit: 'per second',
    zero: 'unlimited',
    type: count(0, 10_000_000),
    default: 1000,
  }),
  maxTopicsPerConnection: option({
    flag: 'max-topics-per-connection',
    argument: 'n',
    description: 'Topics one fanwire.v1 connection may subscribe to',
    zero: 'unlimited',
    type: count(0, 1_000_000),
    default: 100,
  }),
  maxTopics: option({
    flag: 'max-topics',
    argument: 'n',
    description: 'Topics with subscribers, beyond which a new topic is refused with 503',
    zero: 'unlimited',
    type: count(0, 100_000_000),
    default: 0,
  }),
});

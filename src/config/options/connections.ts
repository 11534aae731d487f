// What one connection may send, hold back, and how long it lives.
import { group, option } from '../option.js';
import { bytes, choice, count, duration, zeroOrDuration } from '../types.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The longest time over which a relay that ends closes its sockets. */
export const MAX_DRAIN_MS = 3_600_000;

export const connections = group('Connections', {
  maxPayloadBytes: option({
    flag: 'max-payload',
    argument: 'size',
    description: 'Largest message a client may send; a bigger one closes its socket with 1009',
    unit: 'bytes',
    type: bytes(1, 16 * MIB),
    default: 64 * KIB,
  }),
  maxBatchBytes: option({
    flag: 'max-batch',
    argument: 'size',
    description: 'Largest body of a batch (POST /publish); each of its messages is held to --max-payload',
    unit: 'bytes',
    type: bytes(1, 64 * MIB),
    default: MIB,
  }),
  maxConnections: option({
    flag: 'max-connections',
    argument: 'n',
    description: 'Open WebSockets, beyond which an upgrade is refused with 503',
    zero: 'unlimited',
    type: count(0, 10_000_000),
    default: 0,
  }),
  maxBackpressureBytes: option({
    flag: 'max-backpressure',
    argument: 'size',
    description: 'Bytes held for a subscriber that reads too slowly, beyond which --slow-consumer applies',
    unit: 'bytes',
    type: bytes(KIB, 1024 * MIB),
    default: MIB,
  }),
  slowConsumer: option({
    flag: 'slow-consumer',
    argument: 'action',
    description:
      'What becomes of a subscriber over --max-backpressure: close it with 1013, or drop (and count) messages',
    type: choice('drop', 'close'),
    default: 'close',
  }),
  idleTimeoutS: option({
    flag: 'idle-timeout',
    argument: 'seconds',
    description:
      'Close a socket that has been silent this long. From 32 on it is pinged 16 to 20 s before, so that only a dead peer is; balancers cut what is quiet for longer than their own timeout, often 60 s',
    unit: 'seconds',
    zero: 'never, and no pings',
    type: zeroOrDuration('seconds', 8, 960),
    // The first ping comes after 20 to 24 s: the shortest timeout that balancers come with is 30 s.
    default: 40,
  }),
  maxLifetimeMin: option({
    flag: 'max-lifetime',
    argument: 'minutes',
    description: 'Close a socket that has been open this long, whatever it does',
    unit: 'minutes',
    zero: 'never',
    type: duration('minutes', 0, 240),
    default: 0,
  }),
  drainMs: option({
    flag: 'drain-ms',
    argument: 'ms',
    description:
      'Time over which a stopping relay spreads its closes (1012), so that clients do not all return at once; after SIGINT (Ctrl+C, pm2) 1000 where it is not given',
    unit: 'ms',
    zero: 'all at once',
    type: duration('ms', 0, MAX_DRAIN_MS),
    default: 5000,
  }),
  drainDelayMs: option({
    flag: 'drain-delay-ms',
    argument: 'ms',
    description:
      'Time between /readyz saying 503 and the first close of a stopping relay, in which newcomers are still taken: as long as balancers take to notice',
    unit: 'ms',
    type: duration('ms', 0, 600_000),
    default: 0,
  }),
  compression: option({
    flag: 'compression',
    argument: 'kind',
    description: 'permessage-deflate: one compressor for all sockets, or one each (4 KiB more a socket)',
    type: choice('off', 'shared', 'dedicated'),
    default: 'off',
  }),
});

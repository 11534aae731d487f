// Where the relay and its admin listener listen, and TLS.
import { conflict, group, option } from '../option.js';
import { address, duration, integer, text } from '../types.js';

const HEALTH_PATH = /^\/[\w\-.~/]*$/;

export const listen = group(
  'Listening',
  {
    port: option({
      flag: 'port',
      argument: 'port',
      description: 'Port for WebSocket clients and the publish API',
      zero: 'any free port',
      type: integer(0, 65_535),
      default: 9001,
    }),
    host: option({
      flag: 'host',
      argument: 'address',
      description: 'Address to listen on; 0.0.0.0 or :: for all interfaces',
      type: address(),
      default: '127.0.0.1',
    }),
    adminPort: option({
      flag: 'admin-port',
      argument: 'port',
      description: 'Port for health, metrics and admin',
      zero: 'any free port',
      type: integer(0, 65_535),
      default: 9002,
    }),
    adminHost: option({
      flag: 'admin-host',
      argument: 'address',
      description: 'Address the admin port listens on',
      type: address(),
      default: '127.0.0.1',
    }),
    adminToken: option({
      flag: 'admin-token',
      argument: 'text',
      description: 'Bearer token the admin port asks for, health checks aside; empty: none. Better as a variable',
      type: text(),
      default: '',
      secret: true,
    }),
    healthPath: option({
      flag: 'health-path',
      argument: 'path',
      description:
        'Path on --port that answers a health check of a balancer: 200, or 503 while newcomers are better sent elsewhere; empty: none',
      type: text('a path such as /healthz'),
      default: '/healthz',
    }),
    maxLoopLagMs: option({
      flag: 'max-loop-lag',
      argument: 'ms',
      description: 'Lateness of the event loop from which on /readyz says 503, so that new clients go elsewhere',
      unit: 'ms',
      zero: 'never',
      type: duration('ms', 0, 60_000),
      default: 1000,
    }),
    tlsCert: option({
      flag: 'tls-cert',
      argument: 'file',
      description: 'Certificate chain (PEM); with --tls-key, clients use wss:// and https://',
      type: text('the path of a PEM file'),
      default: '',
    }),
    tlsKey: option({
      flag: 'tls-key',
      argument: 'file',
      description: 'Private key (PEM) of --tls-cert',
      type: text('the path of a PEM file'),
      default: '',
    }),
  },
  ({ healthPath, tlsCert, tlsKey }) => {
    if (healthPath !== '' && (!HEALTH_PATH.test(healthPath) || /^\/publish(\/|$)/.test(healthPath))) {
      throw conflict(
        `--health-path must begin with / and be made of letters, digits and -._~/ (/publish is taken), got "${healthPath}"`,
      );
    }
    if ((tlsCert === '') === (tlsKey === '')) return;
    const [given, missing] = tlsKey === '' ? ['--tls-cert', '--tls-key'] : ['--tls-key', '--tls-cert'];
    throw conflict(`${given} needs ${missing} as well; give both or neither`);
  },
);

// The NATS servers that join this relay with others, and how it signs in there.
import { conflict, group, option } from '../option.js';
import { integer, list, text, toggle } from '../types.js';

const SCHEMES = ['nats:', 'tls:'];
const PREFIX = /^[\w-]+(\.[\w-]+)*$/;

export const cluster = group(
  'Cluster',
  {
    cluster: option({
      flag: 'cluster',
      argument: 'urls',
      description:
        'NATS servers that join this relay with others: nats://[user:password@]host:4222 or tls://…, several with commas; empty: none',
      type: list('a comma-separated list of nats:// or tls:// URLs'),
      default: [],
    }),
    clusterPrefix: option({
      flag: 'cluster-prefix',
      argument: 'subject',
      description: 'First tokens of the NATS subjects: relays with the same prefix are one cluster',
      type: text('tokens of letters, digits, _ and -, joined by dots'),
      default: 'fanwire',
    }),
    historyReplicas: option({
      flag: 'history-replicas',
      argument: 'n',
      description: 'NATS servers that --history is kept on (JetStream replicas)',
      type: integer(1, 5),
      default: 1,
    }),
    readyWithoutCluster: option({
      flag: 'ready-without-cluster',
      description: 'Have /readyz answer 200 while NATS is away, rather than send new clients to other nodes',
      type: toggle(),
      default: false,
    }),
    clusterCreds: option({
      flag: 'cluster-creds',
      argument: 'file',
      description: 'NATS credentials file (JWT and seed)',
      type: text('the path of a .creds file'),
      default: '',
    }),
    clusterUser: option({
      flag: 'cluster-user',
      argument: 'name',
      description: 'NATS user, with --cluster-password',
      type: text(),
      default: '',
    }),
    clusterPassword: option({
      flag: 'cluster-password',
      argument: 'text',
      description: 'Password of --cluster-user. Better as a variable',
      type: text(),
      default: '',
      secret: true,
    }),
    clusterToken: option({
      flag: 'cluster-token',
      argument: 'text',
      description: 'NATS authentication token. Better as a variable',
      type: text(),
      default: '',
      secret: true,
    }),
    clusterCa: option({
      flag: 'cluster-ca',
      argument: 'file',
      description: "Certificates (PEM) that the NATS servers' must be signed by; empty: the system's",
      type: text('the path of a PEM file'),
      default: '',
    }),
    clusterCert: option({
      flag: 'cluster-cert',
      argument: 'file',
      description: 'Client certificate (PEM) that NATS asks for; with --cluster-key',
      type: text('the path of a PEM file'),
      default: '',
    }),
    clusterKey: option({
      flag: 'cluster-key',
      argument: 'file',
      description: 'Private key (PEM) of --cluster-cert',
      type: text('the path of a PEM file'),
      default: '',
    }),
  },
  (config) => {
    for (const url of config.cluster) {
      if (!URL.canParse(url) || !SCHEMES.includes(new URL(url).protocol) || new URL(url).hostname === '') {
        const shown = url.replace(/\/\/.*@/, '//…@');
        throw conflict(`--cluster takes nats://host:port or tls://host:port, got "${shown}"`);
      }
    }
    if (!PREFIX.test(config.clusterPrefix)) {
      throw conflict(
        `--cluster-prefix must be letters, digits, _ and -, joined by dots, got "${config.clusterPrefix}"`,
      );
    }
    const ways = [config.clusterCreds, config.clusterUser, config.clusterToken].filter((value) => value !== '');
    if (ways.length > 1) throw conflict('give only one of --cluster-creds, --cluster-user and --cluster-token');
    if ((config.clusterUser === '') !== (config.clusterPassword === '')) {
      throw conflict('--cluster-user and --cluster-password need each other');
    }
    if ((config.clusterCert === '') !== (config.clusterKey === '')) {
      throw conflict('--cluster-cert and --cluster-key need each other');
    }
    const isSet = ways.length > 0 || config.clusterCa !== '' || config.clusterCert !== '';
    if (isSet && config.cluster.length === 0) throw conflict('the other --cluster-… options need --cluster');
  },
);

// More than one thread, more than one machine, and what is kept.
import { availableParallelism } from 'node:os';
import { parseHistoryRules } from '../history-rules.js';
import { group, option } from '../option.js';
import { bytes, integerOrAuto, text } from '../types.js';

export const scale = group(
  'Scale',
  {
    workers: option({
      flag: 'workers',
      argument: 'n',
      description: 'Threads that each run a relay on the same port (Linux); auto: one a core',
      type: integerOrAuto(1, 256, availableParallelism),
      default: 1,
    }),
    cluster: option({
      flag: 'cluster',
      argument: 'url',
      description: 'NATS server that joins this relay with others, such as nats://127.0.0.1:4222; empty: none',
      type: text('a nats:// URL'),
      default: '',
    }),
    history: option({
      flag: 'history',
      argument: 'rules',
      description:
        'Messages a topic keeps for subscribers that come back: pattern=N,TTL,bytes, several with ";"; empty: none',
      type: text('rules such as "chat/*=1000,10m,1m;orders=100,1h,256k"'),
      default: '',
    }),
    historyMaxBytes: option({
      flag: 'history-max-bytes',
      argument: 'size',
      description: 'Memory for the history of all topics together; beyond it the oldest messages go',
      unit: 'bytes',
      type: bytes(64 * 1024, 64 * 1024 ** 3),
      default: 128 * 1024 ** 2,
    }),
  },
  ({ history }) => {
    parseHistoryRules(history);
  },
);

// More than one thread, more than one machine, and what is kept.
import { group, option } from '../option.js';
import { integer, text } from '../types.js';

export const scale = group('Scale', {
  workers: option({
    flag: 'workers',
    argument: 'n',
    description: 'Threads that each run a relay on the same port',
    type: integer(1, 256),
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
    argument: 'spec',
    description: 'Messages kept for subscribers that come back; empty: none',
    type: text(),
    default: '',
  }),
});

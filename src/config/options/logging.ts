// What is logged, and how it looks.
import { group, option } from '../option.js';
import { choice } from '../types.js';

export const logging = group('Logging', {
  logLevel: option({
    flag: 'log-level',
    argument: 'level',
    description: 'Least severe line that is logged',
    type: choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    default: 'info',
  }),
  logFormat: option({
    flag: 'log-format',
    argument: 'format',
    description: 'JSON lines, or coloured text; auto is pretty in a terminal',
    type: choice('auto', 'json', 'pretty'),
    default: 'auto',
  }),
});

// Who may connect, publish and subscribe.
import { group, option } from '../option.js';
import { choice } from '../types.js';

export const auth = group('Authentication', {
  auth: option({
    flag: 'auth',
    argument: 'kind',
    description: 'How a client proves who it is',
    type: choice('none'),
    default: 'none',
  }),
});

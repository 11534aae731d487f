// More than one thread, and what is kept.
import { usableCores } from '../../base/cpu-quota.js';
import { parseDeliverRules } from '../deliver-rules.js';
import { parseHistoryRules } from '../history-rules.js';
import { group, option } from '../option.js';
import { keptRules, parseStateRules } from '../state-rules.js';
import { bytes, integerOrAuto, list, text } from '../types.js';

export const scale = group(
  'Scale',
  {
    workers: option({
      flag: 'workers',
      argument: 'n',
      description:
        'Threads that each run a relay on the same port (Linux); auto: one a core, fewer under a CPU quota (cgroup)',
      type: integerOrAuto(1, 256, () => Math.min(256, usableCores())),
      default: 1,
    }),
    history: option({
      flag: 'history',
      argument: 'rules',
      description:
        'Messages a topic keeps for subscribers that come back: pattern=N,TTL,bytes, several with ";"; empty: none',
      type: text('rules such as "chat/*=1000,10m,1m;orders=100,1h,256k"'),
      joinedBy: ';',
      default: '',
    }),
    deliver: option({
      flag: 'deliver',
      argument: 'rules',
      description:
        'Topics that are delivered in windows: pattern=window[,latest|,latest-by-key], several with ";"; empty: at once',
      type: text('rules such as "prices/*=50ms;scores/*=200ms,latest"'),
      joinedBy: ';',
      default: '',
    }),
    state: option({
      flag: 'state',
      argument: 'rules',
      description:
        'Topics whose newest message, of each key, is kept for newcomers without a history: pattern[=keys[,TTL]], several with ";"; empty: none',
      type: text('rules such as "prices/*;pos/*=5000;here/*=1000,10m"'),
      joinedBy: ';',
      default: '',
    }),
    presence: option({
      flag: 'presence',
      argument: 'patterns',
      description: 'Topics that tell who is subscribed and announce who comes and goes: exact, or a prefix with *',
      type: list('comma-separated topics, such as lobby,room/*'),
      default: [],
    }),
    historyMaxBytes: option({
      flag: 'history-max-bytes',
      argument: 'size',
      description: 'Memory for the history of all topics together; beyond it the oldest messages go',
      unit: 'bytes',
      type: bytes(64 * 1024, 64 * 1024 ** 3),
      default: 128 * 1024 ** 2,
    }),
    stateMaxBytes: option({
      flag: 'state-max-bytes',
      argument: 'size',
      description: 'Memory for the state of all topics together; beyond it what was updated longest ago goes',
      unit: 'bytes',
      type: bytes(64 * 1024, 64 * 1024 ** 3),
      default: 64 * 1024 ** 2,
    }),
  },
  ({ history, deliver, state }) => {
    keptRules(parseHistoryRules(history), parseStateRules(state));
    parseDeliverRules(deliver);
  },
);

// The options of `fanwire bench`.
import { isIP } from 'node:net';
import { z } from 'zod';
import { planGroup } from '../../../bench/scenarios/plan-options.js';
import { PLAN_DEFAULTS } from '../../../bench/scenarios/scenario.js';
import { FanwireError } from '../../base/error.js';
import { group, option, type Schema } from '../../config/option.js';
import { choice, count, list, listOf, optional, text, toggle } from '../../config/types.js';
import { fileOption, quiet } from './reports.js';
import { headers, insecure } from './upgrade.js';

const MOST_PROCESSES = 10_000;

/** Several URLs in a variable; a query may hold commas. */
function urlsOf(value: unknown): unknown {
  return typeof value === 'string' ? value.split(/,(?=\s*[a-z]+:\/\/)/i).map((url) => url.trim()) : value;
}

function requireAddress(address: string): string {
  if (isIP(address) !== 0) return address;
  throw new FanwireError('FANWIRE_USAGE_BENCH_ADDRESS', `--local-address must be an IP address, got ${address}`);
}

const target = group('Target (default: a fanwire relay started for the run)', {
  url: option({
    flag: 'url',
    argument: 'url',
    description: 'A running server, ws:// or wss://, topic appended; several are the nodes of a cluster',
    type: z.preprocess(urlsOf, z.array(z.string())).describe('ws:// or wss:// URLs'),
    default: [],
    repeats: true,
  }),
  serverPid: option({
    flag: 'server-pid',
    argument: 'pid',
    description: 'Its process, to read CPU and memory',
    type: listOf(count(1, 2 ** 31), 'numbers of processes'),
    default: [],
    repeats: true,
  }),
  adminUrl: option({
    flag: 'admin-url',
    argument: 'url',
    description: 'Its admin routes, http://, for the scenario http-admin',
    type: optional(text('an http:// URL')),
    default: undefined,
  }),
  cmd: option({
    flag: 'cmd',
    argument: 'command',
    description: 'Start this; it must listen on PORT (or {port}) of the loopback',
    type: optional(text('a command')),
    default: undefined,
  }),
  peer: option({
    flag: 'peer',
    argument: 'name',
    description: 'Start this other server (`npm run bench:peers -- --list` shows which are here)',
    type: optional(text('the name of a peer')),
    default: undefined,
  }),
  path: option({
    flag: 'path',
    argument: 'path',
    description: 'Path before the topic on a --cmd server',
    type: text('a path such as /ws'),
    default: '',
  }),
  dialect: option({
    flag: 'dialect',
    argument: 'name',
    description: 'How topics and frames are spoken',
    type: optional(choice('raw', 'fanwire.v1', 'socket.io')),
    default: undefined,
  }),
  nodes: option({
    flag: 'nodes',
    argument: 'n',
    description: 'Relays to start, as one cluster',
    type: optional(count(1, MOST_PROCESSES)),
    default: undefined,
    usually: 'default 1',
  }),
  workers: option({
    flag: 'workers',
    argument: 'n',
    description: 'Threads of each',
    type: optional(count(1, MOST_PROCESSES)),
    default: undefined,
    usually: 'default 1',
  }),
  serve: option({
    flag: 'serve',
    argument: 'flags',
    description: 'Further flags of `fanwire serve`, in one argument',
    type: text('flags'),
    joinedBy: ' ',
    default: '',
  }),
});

const scenario = group('Scenario', {
  scenario: option({
    flag: 'scenario',
    argument: 'file',
    description:
      'Its name, where it does not stand alone, or a JSON file of parameters, by the names that a result’s "params" has',
    type: optional(text('the name of a scenario, or the path of a JSON file')),
    default: undefined,
  }),
  slo: option({
    flag: 'slo',
    argument: 'objective',
    description: 'Exit 1 when it is missed, such as "p99<20ms,loss==0"',
    type: optional(text('an objective')),
    joinedBy: ',',
    default: undefined,
  }),
});

const engine = group('Engine', {
  engine: option({
    flag: 'engine',
    argument: 'name',
    description: 'native, k6 or autocannon',
    type: optional(text('native, k6 or autocannon')),
    default: undefined,
    usually: 'default native; http-publish and http-admin: autocannon',
  }),
  strictLoad: option({
    flag: 'strict-load',
    description: 'Play the default load as it is (else: as much of it as this machine carries, found by a probe)',
    type: toggle(),
    default: false,
  }),
  pin: option({
    flag: 'pin',
    description:
      'Leave server and generator to the kernel (else: cores of their own where taskset is found, and priority where it is allowed)',
    type: toggle(),
    default: true,
  }),
  headers,
  localAddress: option({
    flag: 'local-address',
    argument: 'ip',
    description: 'Connect from this address',
    type: list()
      .transform((addresses) => addresses.map(requireAddress))
      .describe('IP addresses'),
    default: [],
    repeats: true,
  }),
  insecure,
});

const output = group('Output', {
  label: option({
    flag: 'label',
    argument: 'text',
    description: 'What reports call this run',
    type: optional(text()),
    default: undefined,
  }),
  json: fileOption('json', 'Write the result (fanwire.result/1); - is stdout, for each of these'),
  html: fileOption('html', 'Write one self-contained HTML page with charts'),
  md: fileOption('md', 'Add Markdown to a file, for a CI summary'),
  junit: fileOption('junit', 'Write JUnit XML'),
  quiet,
});

const groups = [
  target,
  scenario,
  planGroup('Parameters (where none is given, the scenario’s own)', PLAN_DEFAULTS),
  engine,
  output,
] as const;

export const benchSchema: Schema<typeof groups> = {
  prefix: 'FANWIRE_BENCH_',
  groups,
  rangeCode: 'FANWIRE_USAGE_BENCH_RANGE',
};

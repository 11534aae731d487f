// The options of `fanwire compare`.
import { z } from 'zod';
import { ALPHA, CAPACITY_MS, COMPARE_PLAN, MAX_MINUTES } from '../../../bench/compare/plan.js';
import { planGroup } from '../../../bench/scenarios/plan-options.js';
import { PLAN_DEFAULTS } from '../../../bench/scenarios/scenario.js';
import { group, option, type Schema } from '../../config/option.js';
import { count, optional, text, toggle } from '../../config/types.js';
import { fileOption, quiet } from './reports.js';
import { headers, insecure } from './upgrade.js';

const sides = group('Sides (a git ref, a folder with a package.json, a ws:// URL, or a command with {port})', {
  base: option({
    flag: 'base',
    argument: 'side',
    description: 'What it is compared with, such as origin/main',
    type: optional(text('a side')),
    default: undefined,
  }),
  head: option({ flag: 'head', argument: 'side', description: 'What is judged', type: text('a side'), default: '.' }),
  build: option({
    flag: 'build',
    argument: 'command',
    description: 'Makes each checkout runnable',
    type: text('a command'),
    default: '',
    usually: 'default what its lock file and `build` script say',
  }),
  start: option({
    flag: 'start',
    argument: 'command',
    description: 'Starts a built side that is not fanwire; {port} or PORT is where it must listen',
    type: text('a command'),
    default: '',
  }),
  path: option({
    flag: 'path',
    argument: 'path',
    description: 'Path before the topic on servers that --start or a command starts',
    type: text('a path such as /ws'),
    default: '',
  }),
  headers,
  insecure,
  serve: option({
    flag: 'serve',
    argument: 'flags',
    description: 'Further flags of `fanwire serve` for both sides, in one argument',
    type: text('flags'),
    joinedBy: ' ',
    default: '',
  }),
  cache: option({
    flag: 'cache',
    argument: 'folder',
    description: 'Where built checkouts are kept',
    type: optional(text('the path of a folder')),
    default: undefined,
    usually: 'default ~/.cache/fanwire/compare',
  }),
});

/** 'auto' is undefined: as many as it takes. */
const pairs = z
  .preprocess(
    (value) => (value === 'auto' ? undefined : typeof value === 'string' ? Number(value) : value),
    z.int().min(2).max(1000).optional(),
  )
  .describe('auto, or a whole number from 2 to 1000');

const verdict = group('Verdict', {
  budget: option({
    flag: 'budget',
    argument: 'budgets',
    description: 'How much worse what may get, such as "p99:+10%,cpu:+5%"; only what is named decides',
    type: optional(text('budgets')),
    joinedBy: ',',
    default: undefined,
  }),
  pairs: option({
    flag: 'pairs',
    argument: 'n',
    description: 'Pairs of runs: a number, or auto: until the intervals have decided',
    type: pairs,
    default: undefined,
    usually: 'default auto',
  }),
  maxMinutes: option({
    flag: 'max-minutes',
    argument: 'n',
    description:
      'With auto, no further pair is begun after this long; a third of it without a valid run is the end in any case',
    type: optional(MAX_MINUTES),
    default: undefined,
    usually: 'default 5, or what the suite says',
  }),
  alpha: option({
    flag: 'alpha',
    argument: 'share',
    description: 'How often the verdict on the whole may be wrong',
    type: optional(ALPHA),
    default: undefined,
    usually: 'default 0.01, or what the suite says',
  }),
  oneSided: option({
    flag: 'one-sided',
    description: 'Ask only whether the head is worse, not whether it is better: decided sooner',
    type: toggle(),
    default: false,
  }),
  strict: option({
    flag: 'strict',
    description: 'An inconclusive comparison exits with 3 instead of 0',
    type: toggle(),
    default: false,
  }),
  capacityMs: option({
    flag: 'capacity',
    argument: 'ms',
    description: 'Closed loop after each run, for saturation and CPU; left out where nothing that decides is from it',
    zero: 'none',
    unit: 'ms',
    type: CAPACITY_MS,
    default: 800,
  }),
  why: option({
    flag: 'why',
    description: 'Play no further pairs with a CPU profiler where a metric has regressed',
    type: toggle(),
    default: true,
  }),
  seed: option({
    flag: 'seed',
    argument: 'n',
    description: 'Of the order of runs',
    type: count(0, 2 ** 32),
    default: 1,
  }),
  saveBaseline: fileOption('save-baseline', 'Run the head alone and keep its runs'),
  baseline: fileOption('baseline', 'Compare with kept runs instead of --base'),
});

const load = group('Load', {
  scenario: option({
    flag: 'scenario',
    argument: 'name',
    description: 'A scenario of `fanwire bench list`, or a JSON file of parameters',
    type: text('the name of a scenario, or the path of a JSON file'),
    default: 'fan-out',
  }),
  suite: option({
    flag: 'suite',
    argument: 'file',
    description: 'Several scenarios, one verdict: a JSON file, or `default` for the one that ships',
    type: optional(text('the path of a JSON file, or default')),
    default: undefined,
  }),
});

const machine = group('How much of it', {
  strictLoad: option({
    flag: 'strict-load',
    description:
      'Play the default load as it is (else: as much of it as this machine and both sides carry, found by a probe)',
    type: toggle(),
    default: false,
  }),
});

const output = group('Output', {
  json: fileOption('json', 'Write the comparison (fanwire.comparison/2); - is stdout, for each of these'),
  html: fileOption('html', 'Write one self-contained HTML page'),
  md: fileOption('md', 'Add Markdown to a file, for the pull request or a CI summary'),
  junit: fileOption('junit', 'Write JUnit XML'),
  bencher: fileOption('bencher', 'Write Bencher Metric Format'),
  benchmarkAction: fileOption('benchmark-action', 'Write customSmallerIsBetter of github-action-benchmark'),
  csv: fileOption('csv', 'Write a row a metric'),
  quiet,
});

const groups = [
  sides,
  verdict,
  load,
  planGroup('Parameters (where none is given, the scenario’s own)', { ...PLAN_DEFAULTS, ...COMPARE_PLAN }),
  machine,
  output,
] as const;

export const compareSchema: Schema<typeof groups> = {
  prefix: 'FANWIRE_COMPARE_',
  groups,
  rangeCode: 'FANWIRE_USAGE_COMPARE_RANGE',
};

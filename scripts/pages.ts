// The pages of docs/ that are made from the source, as a whole or in part: options of `serve`, `bench` and `compare`,
// settings of the k6 scripts, metrics, errors.
import { readFileSync } from 'node:fs';
import { OWN_SETTINGS } from '../bench/k6/lib/names.js';
import { k6Keys, k6Setting, parameter, settingOf } from '../bench/k6/lib/parameters.js';
import { benchSchema } from '../src/cli/options/bench.js';
import { compareSchema } from '../src/cli/options/compare.js';
import { optionReference } from '../src/config/reference.js';
import { relaySchema } from '../src/config/schema.js';
import { between } from './between-marks.js';
import { errorReference } from './error-reference.js';
import { withMetrics } from './metric-reference.js';

const SERVE = `# Configuration

Made from the schema in \`src/config/options\` by \`npm run docs\`; \`fanwire serve --help\` says the same.
[bench-options.md](bench-options.md) and [compare-options.md](compare-options.md) are the same for \`fanwire bench\` and \`fanwire compare\`.

Every option is a flag, a variable and a key of the JSON file that \`--config\` (or \`FANWIRE_CONFIG\`) names. A flag wins over a
variable, a variable over the file, the file over the default. An empty variable counts as unset. Sizes take \`k\`, \`m\` and \`g\`
(1024-based), times \`ms\`, \`s\`, \`m\` and \`h\`, numbers \`k\` and \`m\` (1000-based). \`fanwire serve --print-config\` prints what is in effect, as a
file that \`--config\` takes; secrets are left out.
An unknown name or a value out of range is one line that says what was meant or allowed, and exit code 2.
So is, before the relay starts, a file that cannot be read or does not hold what it should (tokens, keys, certificates, NATS credentials).
`;

const ofHarness = (command: string, about: string): string => `# Options of \`fanwire ${command}\`

Made by \`npm run docs\`; \`fanwire ${command} --help\` says the same. ${about}

Every option is a flag, a variable and a key of the JSON file that \`--config\` (or \`FANWIRE_${command.toUpperCase()}_CONFIG\`) names. A flag wins over
a variable, a variable over the file, the file over the default. An empty variable counts as unset. Times take \`ms\`, \`s\`, \`m\` and \`h\`,
sizes \`k\` and \`m\` (1024-based), numbers \`k\` and \`m\` (1000-based), shares \`%\`. An unknown name or a value out of range is one line that says what
was meant or allowed, and exit code 2.
`;

const BENCH = ofHarness('bench', '[benchmarking.md](benchmarking.md) says how to measure with them.');
const COMPARE = ofHarness('compare', '[regression.md](regression.md) says how to judge builds with them.');

function k6Settings(): string {
  const ofScenario = k6Keys.map((key) => {
    const { default: initial, unit } = parameter(key);
    const { usually, default: own } = k6Setting(key) ?? {};
    const shown = usually ?? `${own ?? initial}${unit === undefined || unit === 'bytes' ? '' : ` ${unit}`}`;
    return `| \`${settingOf(key)}\` | ${parameter(key).description.replace(/; 0 = as .*/, '')} | ${shown} |`;
  });
  const own = Object.entries(OWN_SETTINGS).map(
    ([name, { meaning, usually }]) => `| \`${name}\` | ${meaning} | ${usually} |`,
  );
  return ['| name | meaning | default |', '| --- | --- | --- |', ...ofScenario, ...own].join('\n');
}

/** What each page of docs/ must hold, by its name. */
export function madePages(docs: URL): Record<string, string> {
  const page = (name: string) => readFileSync(new URL(name, docs), 'utf8');
  return {
    'errors.md': errorReference(),
    'configuration.md': optionReference(relaySchema, SERVE),
    'bench-options.md': optionReference(benchSchema, BENCH),
    'compare-options.md': optionReference(compareSchema, COMPARE),
    'k6.md': between(page('k6.md'), 'settings', k6Settings()),
    'regression.md': withMetrics(page('regression.md')),
  };
}

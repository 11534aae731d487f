// The parameters of a plan as people give them: flags, and the keys of a `--scenario file.json`. Both come from this
// one list.

import { FanwireError } from '../../src/base/error.js';
import { readJsonFile } from '../../src/base/json-file.js';
import { didYouMean } from '../../src/base/nearest.js';
import { amount, bytes, seconds } from '../k6/lib/text.js';
import { PLAN_DEFAULTS, type Plan, STAMP_BYTES } from './scenario.js';

/** Keys of a plan that people set, the scenario's name apart. */
export type PlanKey = Exclude<keyof Plan, 'scenario'>;

export interface PlanOption {
  readonly key: PlanKey;
  readonly flag: string;
  readonly unit?: string;
  readonly description: string;
  /** For numbers. */
  readonly min?: number;
  readonly max?: number;
  readonly isInteger?: boolean;
}

const count = { min: 0, max: 10_000_000, isInteger: true } as const;
const ofTime = { min: 0, max: 86_400, unit: 's' } as const;

export const planOptions: readonly PlanOption[] = [
  { key: 'subscribers', flag: 'subscribers', ...count, description: 'connections that listen, spread over the topics' },
  { key: 'publishers', flag: 'publishers', ...count, description: 'connections that publish' },
  { key: 'topics', flag: 'topics', ...count, min: 1, description: 'topics' },
  {
    key: 'topicPrefix',
    flag: 'topic-prefix',
    description: 'topic i is named this and i; one of its own per generator machine',
  },
  {
    key: 'rate',
    flag: 'rate',
    min: 0,
    max: 1e7,
    unit: 'msg/s',
    description: 'messages due per second, over all publishers; 0 = none',
  },
  {
    key: 'burst',
    flag: 'burst',
    ...count,
    min: 1,
    max: 1e5,
    description: 'messages of one publisher due at the same instant',
  },
  {
    key: 'payloadBytes',
    flag: 'payload',
    unit: 'bytes',
    min: STAMP_BYTES,
    max: 16 * 2 ** 20,
    isInteger: true,
    description: `size of a message, the ${STAMP_BYTES} bytes of its stamp included`,
  },
  { key: 'binary', flag: 'binary', description: 'binary frames instead of text' },
  { key: 'warmupS', flag: 'warmup', ...ofTime, description: 'load before anything is measured' },
  { key: 'durationS', flag: 'duration', ...ofTime, min: 0.1, description: 'measured load' },
  { key: 'drainS', flag: 'drain', ...ofTime, description: 'wait at most for deliveries under way' },
  {
    key: 'connectRate',
    flag: 'connect-rate',
    ...count,
    unit: '1/s',
    description: 'new connections per second; 0 = as --max-handshakes allows',
  },
  { key: 'maxHandshakes', flag: 'max-handshakes', ...count, min: 1, description: 'handshakes in flight at most' },
  {
    key: 'connectTimeoutS',
    flag: 'connect-timeout',
    ...ofTime,
    min: 0.1,
    description: 'a handshake that takes longer has failed',
  },
  {
    key: 'churnRate',
    flag: 'churn-rate',
    min: 0,
    max: 1e5,
    unit: '1/s',
    description: 'subscribers replaced per second',
  },
  {
    key: 'stormFraction',
    flag: 'storm-fraction',
    min: 0,
    max: 1,
    description: 'share of the subscribers cut at once, a third into the measured time',
  },
  {
    key: 'keys',
    flag: 'keys',
    ...count,
    max: 100_000,
    description: 'keys that each publisher’s messages are about, in turn',
  },
  {
    key: 'deliver',
    flag: 'deliver',
    description: 'how a relay that is started here delivers: "50ms,latest-by-key:,"; "" = every message at once',
  },
  { key: 'stalledSubscribers', flag: 'stalled', ...count, description: 'further subscribers that never read' },
  {
    key: 'generators',
    flag: 'generators',
    ...count,
    max: 1024,
    description: 'generator processes that subscribe; 0 = one per core that the server leaves',
  },
];

/** Reads one value as text (a flag's): `30s` and `2m`, `1k` and `1.5k`, `64k` of bytes, `20%` of the subscribers.
 *  @throws FanwireError FANWIRE_USAGE_BENCH_RANGE */
export function parsePlanValue(option: PlanOption, text: string): number | string {
  if (typeof PLAN_DEFAULTS[option.key] === 'string') return text;
  return checked(option, numberIn(option, text), `--${option.flag}`, text);
}

/** NaN where the text is no number of the option's kind. */
function numberIn({ unit, isInteger, max }: PlanOption, text: string): number {
  if (unit === 's') return seconds(text);
  if (unit === 'bytes') return bytes(text);
  if (max === 1 && text.trim().endsWith('%')) return amount(text.trim().slice(0, -1)) / 100;
  const value = amount(text);
  // 1.5k is 1500; what does not end whole stays as it is and is refused.
  return isInteger === true && Number.isInteger(value) ? Math.round(value) : value;
}

/** What a `--scenario` file may hold. */
export interface ScenarioFile {
  readonly scenario?: string;
  readonly slo?: string;
  readonly plan: Partial<Plan>;
}

/** Reads a scenario file: a JSON object of plan keys, `scenario` (whose defaults apply) and `slo`.
 *  @throws FanwireError FANWIRE_USAGE_SCENARIO_FILE, FANWIRE_USAGE_BENCH_RANGE */
export function readScenarioFile(file: string): ScenarioFile {
  const refuse = (message: string) => new FanwireError('FANWIRE_USAGE_SCENARIO_FILE', `--scenario ${file}: ${message}`);
  let content: unknown;
  try {
    content = readJsonFile(file);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw refuse('must hold one JSON object');
  const { scenario, slo, ...rest } = content as Record<string, unknown>;
  if (scenario !== undefined && typeof scenario !== 'string') throw refuse('"scenario" must be a name');
  if (slo !== undefined && typeof slo !== 'string') throw refuse('"slo" must be text such as "p99<20ms"');
  const plan = readPlan(rest, file, (message) => {
    throw refuse(message);
  });
  return { plan, ...(scenario !== undefined && { scenario }), ...(slo !== undefined && { slo }) };
}

/** The parameters of a plan in a JSON object; `name` stands before what is out of range, `refuse` is told what is no
 *  parameter.
 *  @throws FanwireError FANWIRE_USAGE_BENCH_RANGE, and what `refuse` throws */
export function readPlan(
  content: Readonly<Record<string, unknown>>,
  name: string,
  refuse: (message: string) => never,
): Partial<Plan> {
  const plan: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(content)) {
    const option = planOptions.find((candidate) => candidate.key === key);
    if (option === undefined) {
      const known = planOptions.map((one) => one.key);
      return refuse(`unknown key "${key}"${didYouMean(key, known)}`);
    }
    const type = typeof PLAN_DEFAULTS[option.key];
    // As in a flag: "1.5k", "30s".
    const isText = type === 'number' && typeof value === 'string';
    if (typeof value !== type && !isText) refuse(`"${key}" must be a ${type}, got ${JSON.stringify(value)}`);
    const amount = isText ? numberIn(option, value) : (value as number);
    plan[key] = type === 'number' ? checked(option, amount, `${name}: "${key}"`, String(value)) : value;
  }
  return plan;
}

function checked(option: PlanOption, value: number, name: string, text: string): number {
  const { min = 0, max = Number.POSITIVE_INFINITY, isInteger = false, unit } = option;
  const forms =
    unit === 's' ? ' (or 30s, 2m, 500ms)' : unit === 'bytes' ? ' (or 1k, 64k)' : max > 1000 ? ' (or 1k, 1.5k)' : '';
  if (value >= min && value <= max && (!isInteger || Number.isInteger(value))) return value;
  const kind = isInteger ? 'a whole number' : 'a number';
  throw new FanwireError(
    'FANWIRE_USAGE_BENCH_RANGE',
    `${name} must be ${kind} from ${min} to ${max}${unit === undefined ? '' : ` ${unit}`}, got ${text} (${forms} are understood)`,
  );
}

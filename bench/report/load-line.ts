// The load of a run in words: "500 subscribers · 1 publisher · 100 msg/s · 128 B · 10 s". What is at rest is left out.

import { countOf, formatCount } from '../../src/base/page/format.js';
import type { Result } from '../result/result.js';

type Params = Result['params'];

/** For what need not be whole: runs of 0.7 s, a message every two seconds. */
const amounts = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 });

/** How a parameter is said; undefined: not worth a word (its neutral value). */
const SAYINGS: readonly (readonly [string, (value: number) => string | undefined])[] = [
  ['subscribers', (n) => (n > 0 ? countOf(n, 'subscriber') : undefined)],
  ['publishers', (n) => (n > 0 ? countOf(n, 'publisher') : undefined)],
  ['topics', (n) => (n > 1 ? countOf(n, 'topic') : undefined)],
  ['rate', (n) => (n > 0 ? `${amounts.format(n)} msg/s` : 'nothing published')],
  ['burst', (n) => (n > 1 ? `in bursts of ${formatCount(n)}` : undefined)],
  ['keys', (n) => (n > 0 ? countOf(n, 'key') : undefined)],
  ['payloadBytes', (n) => `${formatCount(n)} B`],
  ['durationS', (n) => `${amounts.format(n)} s`],
  ['connectRate', (n) => (n > 0 ? `${amounts.format(n)} connections/s` : undefined)],
  ['churnRate', (n) => (n > 0 ? `${amounts.format(n)} replaced/s` : undefined)],
  ['stormFraction', (n) => (n > 0 ? `${Math.round(n * 100)} % reconnect at once` : undefined)],
  ['stalledSubscribers', (n) => (n > 0 ? `${formatCount(n)} never read` : undefined)],
];

/** Parameters that mean nothing while nobody publishes. */
const OF_MESSAGES: ReadonlySet<string> = new Set(['publishers', 'burst', 'keys', 'payloadBytes']);

/** The load that all `results` share, in parts to be joined; parameters that differ between them are left out. */
export function describeLoad(results: readonly Result[]): string[] {
  const params = results[0]?.params ?? {};
  const silent = shared('rate', params, results) === 0;
  const numbers = SAYINGS.flatMap(([name, say]) => {
    if (silent && OF_MESSAGES.has(name)) return [];
    const value = shared(name, params, results);
    // autocannon without a rate is a closed loop; every other engine then publishes nothing.
    if (name === 'rate' && value === 0 && results.every(({ engine }) => engine === 'autocannon')) {
      return 'as fast as answers come';
    }
    return value === undefined ? [] : (say(value) ?? []);
  });
  const { deliver } = params;
  const isShared = typeof deliver === 'string' && results.every((result) => result.params.deliver === deliver);
  return isShared && deliver !== '' ? [...numbers, `delivered by ${deliver}`] : numbers;
}

function shared(name: string, params: Params, results: readonly Result[]): number | undefined {
  const value = params[name];
  return typeof value === 'number' && results.every((result) => result.params[name] === value) ? value : undefined;
}

// The metrics of `fanwire compare` as the table that docs/regression.md holds.
import { DEFAULT_GATES, METRICS } from '../bench/compare/metrics.js';
import { between } from './between-marks.js';

/** `page` with the table of metrics between its marks. */
export function withMetrics(page: string): string {
  const rows = METRICS.map(({ name, label, unit, loop, moreIsBetter, budget }) => {
    const percent = `${moreIsBetter ? '−' : '+'}${Math.round(budget * 100)} %`;
    return `| \`${name}\` | ${label} | ${unit} | ${loop} | ${percent} | ${DEFAULT_GATES.includes(name) ? 'yes' : 'shown'} |`;
  });
  const head = ['| metric | is | in | from | budget | decides |', '| --- | --- | --- | --- | --- | --- |'];
  return between(page, 'metrics', [...head, ...rows].join('\n'));
}

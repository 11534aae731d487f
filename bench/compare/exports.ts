// A comparison for dashboards that others keep: Bencher, github-action-benchmark, a spreadsheet.

import { type Comparison, catchText, type MetricOutcome, type ScenarioOutcome } from './comparison.js';

/** Bencher Metric Format: for each measure the head's figure, and the interval of its change in the unit of the
 *  measure; `cpu-would-catch` is what of `cpu` could have been seen, in per cent.
 *  https://bencher.dev/docs/reference/bencher-metric-format/ */
export function toBencher(comparison: Comparison): string {
  const benchmarks = comparison.scenarios.map((scenario) => {
    const measures = measuredOf(scenario).flatMap((metric): (readonly [string, object])[] => {
      const { base, head, interval, wouldCatch } = metric;
      const range =
        interval === null || base === null
          ? {}
          : { lower_value: base * interval.low, upper_value: base * interval.high };
      const seen = wouldCatch === null ? [] : [[`${metric.name}-would-catch`, { value: wouldCatch * 100 }] as const];
      return [[metric.name, { value: head, ...range }], ...seen];
    });
    return [scenario.name, Object.fromEntries(measures)];
  });
  return json(Object.fromEntries(benchmarks.filter(([, measures]) => Object.keys(measures as object).length > 0)));
}

/** The format `customSmallerIsBetter` of github-action-benchmark, in which less is always better: a rate is given as
 *  the time that one delivery takes. https://github.com/benchmark-action/github-action-benchmark#examples */
export function toBenchmarkAction(comparison: Comparison): string {
  const entries = comparison.scenarios.flatMap((scenario) =>
    measuredOf(scenario).map((metric) => {
      const head = metric.head as number;
      const { interval, ratio } = metric;
      // Of the head's own figure, which is `ratio` times the base's.
      const half = interval === null || ratio === null ? undefined : ((interval.high - interval.low) / 2 / ratio) * 100;
      const seen = catchText(metric);
      return {
        name: `${scenario.name}: ${metric.label}`,
        unit: metric.moreIsBetter ? '\u00b5s per delivery' : metric.unit,
        value: metric.moreIsBetter ? 1e6 / head : head,
        ...(half !== undefined && { range: `\u00b1 ${half.toFixed(1)} %` }),
        extra: `${metric.verdict}, ${comparison.head} against ${comparison.base}${seen === '' ? '' : `; would have caught ${seen} with 90 % probability`}`,
      };
    }),
  );
  return json(entries);
}

const COLUMNS = [
  ...[
    'startedAt',
    'base',
    'head',
    'scenario',
    'metric',
    'unit',
    'loop',
    'base_value',
    'head_value',
    'ratio',
    'low',
    'high',
  ],
  ...['budget', 'is_gate', 'verdict', 'would_catch', 'pairs'],
] as const;

/** RFC 4180, a row a metric; a figure that was not measured is empty. */
export function toCsv(comparison: Comparison): string {
  const rows = comparison.scenarios.flatMap((scenario) =>
    scenario.metrics.map((metric) => [
      ...[comparison.startedAt, comparison.base, comparison.head, scenario.name, metric.name, metric.unit, metric.loop],
      ...[metric.base, metric.head, metric.ratio, metric.interval?.low ?? null, metric.interval?.high ?? null],
      ...[metric.budget, metric.isGate, metric.verdict, metric.wouldCatch, scenario.pairs],
    ]),
  );
  return [COLUMNS, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/** A leading =, +, - or @ would be a formula to a spreadsheet, and a branch can be called so. */
function cell(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function measuredOf({ metrics }: ScenarioOutcome): MetricOutcome[] {
  return metrics.filter(({ head }) => head !== null && head > 0);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

// A comparison as one HTML page around its evidence: the verdict, then one plot a metric on a common axis. Colour only
// where something is decided.

import { countOf } from '../../src/base/page/format.js';
import { html, type Markup } from '../../src/base/page/markup.js';
import { type Chart, chartsOf } from '../report/chart.js';
import { minuteText, pageOf } from '../report/html.js';
import { chartFigures } from '../report/sections.js';
import type { Result } from '../result/result.js';
import { VERDICTS, type Verdict } from './budget.js';
import {
  budgetText,
  type Comparison,
  catchTerms,
  catchText,
  couldSee,
  decidedIn,
  duration,
  intervalText,
  type MetricOutcome,
  percent,
  type ScenarioOutcome,
} from './comparison.js';
import { type Axis, axisFor, intervalPlot } from './interval-plot.js';
import { spreadPlot } from './latency-spread.js';
import { countReasons } from './patience.js';
import { confidenceText, figure, footnoteText, headline, measured } from './report-text.js';
import { whySection } from './why/flame-graph.js';

/** How the page's style colours a verdict; what is not decided has no colour. */
const KIND: Readonly<Record<Verdict, string>> = {
  regressed: 'failed',
  improved: 'good',
  unchanged: 'good',
  'not worse': 'good',
  inconclusive: 'open',
};

export function renderComparisonHtml(comparison: Comparison): string {
  const { scenarios } = comparison;
  const axis = axisFor(
    scenarios.flatMap(({ metrics }) => metrics.filter((metric) => metric.isGate && measured(metric))),
  );
  const charts = scenarios.map((scenario, i) => timeCharts(scenario, `s${i}`));
  return pageOf({
    title: headline(comparison),
    kind: 'comparison',
    when: minuteText(comparison.startedAt),
    main: html`${top(comparison)}${legend(comparison)}${scenarios.map((scenario, i) =>
      section(scenario, i, { axis, charts: charts[i] ?? [], comparison }),
    )}${comparison.why === undefined ? '' : whySection(comparison.why)}`,
    charts: charts.flat(),
    styles: ['bench/report/page/comparison.css', 'bench/report/page/why.css'],
  });
}

function top(comparison: Comparison): Markup {
  const { scenarios, reasons, base, head } = comparison;
  return html`<section class="scenario">
<p class="what sides"><span><b>base</b> ${base}</span> <span><b>head</b> ${head}</span></p>
<div class="verdict ${KIND[comparison.verdict]}"><h2>${headline({ ...comparison, base: 'base', head: 'head' })}</h2>
${reasonList(reasons)}
${whatItSaw(comparison)}</div>
${
  scenarios.length < 2
    ? ''
    : html`<nav aria-label="Scenarios">${scenarios.map(
        (one, i) =>
          html`<a class="${KIND[one.verdict]}" href="#s${i}">${one.name} <small>${verdictOf(one)}</small></a>`,
      )}</nav>`
}
</section>`;
}

/** Of several scenarios folded: each metric says its own below. */
function whatItSaw(comparison: Comparison): Markup {
  const terms = catchTerms(comparison);
  if (terms.length === 0) return html``;
  if (comparison.scenarios.length < 2) return html`<p class="see">${couldSee(comparison) ?? ''}</p>`;
  return html`<details class="see"><summary>What it would have caught with 90 % probability</summary><ul>${terms.map((term) => html`<li>${term}</li>`)}</ul></details>`;
}

/** A suite can have a reason a metric: the first ones are the important ones. */
const SHOWN_REASONS = 6;

function reasonList(reasons: readonly string[]): Markup {
  const list = (some: readonly string[]): Markup => html`<ul>${some.map((reason) => html`<li>${reason}</li>`)}</ul>`;
  if (reasons.length === 0) return html``;
  if (reasons.length <= SHOWN_REASONS + 1) return list(reasons);
  const rest = reasons.slice(SHOWN_REASONS);
  return html`${list(reasons.slice(0, SHOWN_REASONS))}<details><summary>${rest.length} more</summary>${list(rest)}</details>`;
}

function legend({ alpha }: Comparison): Markup {
  const sample = (shape: Markup): Markup =>
    html`<svg class="plot sample" width="34" height="14" aria-hidden="true">${shape}</svg>`;
  return html`<p class="legend">
<span>${sample(html`<rect class="band" x="0" y="0" width="34" height="14"/>`)}within budget</span>
<span>${sample(html`<circle class="pair" cx="17" cy="7" r="3"/>`)}head against base, one pair</span>
<span>${sample(html`<line class="interval" x1="2" x2="32" y1="7" y2="7"/><circle class="estimate" cx="17" cy="7" r="5"/>`)}${confidenceText(alpha)} interval</span>
<span>${sample(html`<line class="family" x1="2" x2="32" y1="7" y2="7"/>`)}the same for all metrics together: beyond the budget, it is a regression</span>
<span>All plots have one axis, stretched around 0.</span></p>`;
}

interface SectionParts {
  readonly axis: Axis;
  readonly charts: readonly Chart[];
  readonly comparison: Comparison;
}

function section(scenario: ScenarioOutcome, i: number, { axis, charts, comparison }: SectionParts): Markup {
  const { name, metrics, pairs, discarded, unmeasured, scaled } = scenario;
  // A scenario of which no run was valid says so once.
  const gates = (scenario.results === null ? [] : metrics)
    .filter((metric) => metric.isGate)
    .sort((a, b) => VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict));
  const others = metrics.filter((metric) => !metric.isGate && measured(metric));
  const several = comparison.scenarios.length > 1;
  const thrown = discarded.length === 0 ? '' : `, ${discarded.length} thrown away: ${countReasons(discarded)}`;
  return html`<section class="scenario compared" id="s${i}">
${several ? html`<h2 class="several">${name} <small class="${KIND[scenario.verdict]}">${verdictOf(scenario)}</small></h2>` : ''}
<p class="load"><span>${several ? '' : html`scenario ${name}, `}${countOf(pairs, 'pair')}${thrown}</span>${scaled === undefined ? '' : html`<span>${scaled}</span>`}${unmeasured === undefined ? '' : html`<span>given up: ${unmeasured}</span>`}</p>
${gates.map((metric) => metricArticle(metric, axis, comparison))}
${others.length === 0 ? '' : html`<details><summary>Metrics that do not decide (${others.length})</summary>${others.map((metric) => metricArticle(metric, axis, comparison))}</details>`}
${several ? '' : spreads(scenario)}
${charts.length === 0 ? '' : html`<details><summary>${several ? 'Latency by percentile, and a' : 'A'} typical run over time</summary>${several ? spreads(scenario) : ''}${chartFigures(charts, false)}</details>`}
${several ? '' : setup(comparison)}
</section>${several && i === comparison.scenarios.length - 1 ? html`<section class="scenario">${setup(comparison)}</section>` : ''}`;
}

function spreads({ latency, staleness = [] }: ScenarioOutcome): Markup {
  return html`${spreadPlot('Latency', latency)}${spreadPlot('Staleness', staleness)}`;
}

function verdictOf({ results, verdict }: ScenarioOutcome): string {
  return results === null ? 'not measured' : verdict;
}

function metricArticle(metric: MetricOutcome, axis: Axis, comparison: Comparison): Markup {
  return html`<article class="metric ${metric.isGate ? KIND[metric.verdict] : 'open'}">
<div class="name"><h3>${metric.label}</h3><p>${metric.loop}</p></div>
<p class="says">${inWords(metric)}</p>
${measured(metric) ? intervalPlot(metric, axis) : ''}
<p class="numbers">${numbers(metric, comparison)}</p>
</article>`;
}

/** The verdict on one metric as a reader would say it. */
function inWords(metric: MetricOutcome): string {
  if (!measured(metric)) return 'Not measured';
  const budget = budgetText(metric).replace(' ', '\u00a0'); // "+5 %" stays on one line
  const verdict = {
    regressed: `Worse than its budget of ${budget} allows`,
    improved: 'Better by more than its budget',
    unchanged: `Within its budget of ${budget}`,
    'not worse': `No worse than its budget of ${budget} allows`,
    inconclusive:
      metric.decidedInS === null
        ? `Not decided: ${decidedIn(metric)}`
        : `Not decided: about ${duration(metric.decidedInS)} more would tell`,
  }[metric.verdict];
  if (metric.isGate) return verdict;
  return metric.verdict === 'inconclusive' ? 'Not decided; it does not count' : `${verdict}; it does not count`;
}

function numbers(metric: MetricOutcome, { alpha }: Comparison): Markup {
  const { ratio, interval } = metric;
  if (ratio === null) return html`no run has a figure of it`;
  const range = interval === null ? intervalText(metric) : `${confidenceText(alpha)}: ${intervalText(metric)}`;
  const caught = metric.wouldCatch === null ? '' : html`<span>would have caught ${catchText(metric)}</span>`;
  return html`<span><b>${percent(ratio)}</b> (${range})</span><span>base ${figure(metric, metric.base)}, head ${figure(metric, metric.head)}</span>${caught}`;
}

/** Of the run in the middle of either side: how latency, rate, CPU and memory went within it. */
function timeCharts({ name, results }: ScenarioOutcome, prefix: string): Chart[] {
  if (results === null) return [];
  const sides: readonly Result[] = [results.base, results.head];
  const group = { scenario: name, results: sides, labels: ['base', 'head'], params: [] };
  return chartsOf(group, prefix)
    .filter((chart) => chart.x === 'time')
    .map((chart) => ({ ...chart, wide: false }));
}

function setup(comparison: Comparison): Markup {
  const { scenarios } = comparison;
  const rows = scenarios.flatMap(({ name, results }) =>
    results === null ? [] : [html`<div><dt>${name}</dt><dd>${parameters(results.base)}</dd></div>`],
  );
  const commands = scenarios.find(({ results }) => results !== null)?.results;
  return html`<details><summary>How it was played</summary><p>${footnoteText(comparison)}</p><dl class="setup">
${commands ? html`<div><dt>base</dt><dd><code>${commands.base.target.cmd}</code></dd></div><div><dt>head</dt><dd><code>${commands.head.target.cmd}</code></dd></div>` : ''}
${rows}</dl></details>`;
}

const SHOWN = [
  'subscribers',
  'publishers',
  'topics',
  'keys',
  'rate',
  'burst',
  'payloadBytes',
  'warmupS',
  'durationS',
  'churnRate',
];

function parameters({ params }: Result): string {
  return SHOWN.filter((name) => params[name] !== undefined && params[name] !== 0)
    .map((name) => `${name} ${params[name]}`)
    .join(', ');
}

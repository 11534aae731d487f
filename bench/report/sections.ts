// The parts of the HTML page, top to bottom: verdict, big figures or side-by-side table, charts, every figure, set-up.

import { formatCount, formatMs, formatRate } from '../../src/base/page/format.js';
import { html, type Markup } from '../../src/base/page/markup.js';
import type { Result } from '../result/result.js';
import { type Chart, colorOf } from './chart.js';
import { FIGURES, type Figure, figureRatio, figuresOf, figureText } from './figures.js';
import { type ScenarioGroup, targetName } from './grouping.js';
import { describeLoad } from './load-line.js';
import { meterShare } from './meter-share.js';
import { objectiveLine } from './objective-line.js';
import { judge } from './verdict.js';

/** The figures a reader looks for first. */
const HEADLINE: readonly (readonly [Figure['group'], string, string])[] = [
  ['Staleness', 'p50', 'staleness p50'],
  ['Staleness', 'p99', 'staleness p99'],
  ['Staleness', 'share of updates conflated', 'conflated'],
  ['Server', 'CPU per million updates', 'CPU per million updates'],
  ['Latency', 'p50', 'latency p50'],
  ['Latency', 'p99', 'latency p99'],
  ['Latency', 'p99.9', 'latency p99.9'],
  ['Latency', 'max', 'latency max'],
  ['Deliveries', 'rate', 'deliveries'],
  ['Server', 'CPU per million deliveries', 'CPU per million'],
  ['Server', 'memory per connection', 'memory per connection'],
  ['Connections', 'opened', 'connections'],
  ['Connections', 'connect p99', 'connect p99'],
];

const MOST_HEADLINES = 6;

/** Whether more or less is better, for marking the best of several. */
const MORE_IS_BETTER: ReadonlySet<string> = new Set(['Deliveries rate', 'Connections opened']);

/** The best of several is marked when it is at least one percent ahead of every other. */
const CLEARLY = 1.01;

/** Everything about the results of one scenario. `heading` is the level below the page's own. */
export function scenarioSection(group: ScenarioGroup, charts: readonly Chart[], anchor: string): Markup {
  const single = group.results.length === 1;
  return html`<section class="scenario" id="${anchor}">
${single ? singleHead(group) : severalHead(group)}
${charts.length > 0 ? chartFigures(charts, single) : ''}
${group.results.map((result, i) => stepTable(result, group.labels[i] ?? '', single))}
<details><summary>Every figure</summary>${figureTable(group)}</details>
<details><summary>How it was run</summary>${setup(group)}</details>
</section>`;
}

/** Links to the scenarios of the page, each with its verdict; nothing for a single one. */
export function contents(groups: readonly ScenarioGroup[], anchors: readonly string[]): Markup {
  if (groups.length < 2) return html``;
  return html`<nav aria-label="Scenarios">${groups.map((group, i) => {
    const kinds = group.results.map((result) => judge(result).kind);
    const worst = kinds.includes('invalid') ? 'invalid' : kinds.includes('failed') ? 'failed' : 'good';
    return html`<a class="${worst}" href="#${anchors[i] ?? ''}">${group.scenario}</a>`;
  })}</nav>`;
}

function singleHead(group: ScenarioGroup): Markup {
  const result = group.results[0] as Result;
  const verdict = judge(result);
  const figures = headlineFigures(group.results).slice(0, MOST_HEADLINES);
  return html`<p class="what"><b>${group.scenario}</b> ${targetName(result)}, ${result.engine} engine</p>${loadLine(group)}
<div class="verdict ${verdict.kind}"><h2>${verdict.headline}</h2>${reasonList(verdict.reasons)}</div>${linesOf(result)}
<dl class="figures">${figures.map(([figure, label]) => {
    const [number, ...unit] = figureText(figure, result).split(' ');
    const invalid = result.valid ? '' : 'void';
    return html`<div class="${invalid}"><dt>${label}</dt><dd>${number ?? ''} <small>${unit.join(' ')}</small></dd></div>`;
  })}</dl>`;
}

function severalHead(group: ScenarioGroup): Markup {
  const { results, labels } = group;
  const figures = headlineFigures(results).slice(0, MOST_HEADLINES);
  const first = results[0] as Result;
  const rows = results.map((result, i) => {
    const verdict = judge(result);
    const cells = figures.map(([figure, label]) => {
      const best = result.valid && isBest(figure, result, results) ? 'best' : '';
      const invalid = result.valid ? '' : 'void';
      return html`<td data-label="${label}" class="${best} ${invalid}">${figureText(figure, result)} <small>${figureRatio(figure, result, first)}</small></td>`;
    });
    const swatch = html`<span class="swatch c${colorOf(i)}"></span>`;
    return html`<tr><th scope="row">${swatch}${labels[i] ?? ''}<span class="mark ${verdict.kind}">${verdict.headline}</span>${reasonList(verdict.reasons)}${linesOf(result)}</th>${cells}</tr>`;
  });
  return html`<h2 class="several">${group.scenario}</h2>${loadLine(group)}
<table class="side"><thead><tr><td></td>${figures.map(([, label]) => html`<th scope="col">${label}</th>`)}</tr></thead><tbody>${rows}</tbody></table>`;
}

function loadLine({ results }: ScenarioGroup): Markup {
  return html`<p class="load">${describeLoad(results).map((part) => html`<span>${part}</span>`)}</p>`;
}

function headlineFigures(results: readonly Result[]): [Figure, string][] {
  const present = new Set(figuresOf(results));
  return HEADLINE.flatMap(([group, name, label]): [Figure, string][] => {
    const figure = FIGURES.find((f) => f.group === group && f.label === name);
    if (!figure || !present.has(figure)) return [];
    if (label === 'deliveries' && results.every((result) => result.expected === 0)) return [];
    return [[figure, label]];
  });
}

function isBest(figure: Figure, result: Result, results: readonly Result[]): boolean {
  const rivals = results.filter((rival) => rival.valid).flatMap((rival) => figure.value(rival) ?? []);
  const value = figure.value(result);
  if (value === null || !figure.compares || rivals.length < 2) return false;
  const more = MORE_IS_BETTER.has(`${figure.group} ${figure.label}`);
  const beats = (rival: number) => (more ? value > rival * CLEARLY : value * CLEARLY < rival);
  return rivals.filter(beats).length === rivals.length - 1;
}

function reasonList(reasons: readonly string[]): Markup {
  return reasons.length === 0 ? html`` : html`<ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`;
}

/** What was asked and how much of the answer is the meter's. */
function linesOf(result: Result): Markup {
  const lines = result.valid ? [objectiveLine(result), meterShare(result)].filter((line) => line !== undefined) : [];
  return html`${lines.map((line) => html`<p class="aside">${line.charAt(0).toUpperCase()}${line.slice(1)}</p>`)}`;
}

/** `single`: whether one result has all the lines, so that a lone one needs no key. */
export function chartFigures(charts: readonly Chart[], single: boolean): Markup {
  return html`<div class="charts">${charts.map((chart) => chartFigure(chart, single))}</div>`;
}

function chartFigure(chart: Chart, single: boolean): Markup {
  const toggle =
    chart.unit === 'ms'
      ? html`<button type="button" data-chart="${chart.id}" aria-pressed="false">log scale</button>`
      : '';
  const key = single && chart.lines.length < 2 ? '' : html`<p class="key">${chart.lines.map(keyEntry)}</p>`;
  return html`<figure class="${chart.wide ? 'wide' : ''} ${chart.x === 'time' ? '' : 'tall'}"><figcaption><h3>${chart.title}</h3>${toggle}<p>${chart.note}</p>${key}</figcaption>
<div class="chart" id="${chart.id}" role="img" aria-label="${chart.title}"></div></figure>`;
}

function keyEntry(line: Chart['lines'][number]): Markup {
  return html`<span><i class="swatch c${line.color} ${line.dashed ? 'dashed' : ''}"></i>${line.label}</span>`;
}

function stepTable(result: Result, label: string, single: boolean): Markup {
  if (!result.steps || result.steps.length === 0 || !result.valid) return html``;
  const objective = result.steps.some((step) => step.held !== null);
  const rows = result.steps.map(
    (step) => html`<tr><th scope="row">${step.label}</th>
${step.valid ? html`<td>${formatMs(step.p50)}</td><td>${formatMs(step.p99)}</td><td>${formatRate(step.deliveriesPerSecond)}</td>` : html`<td class="void" colspan="3">invalid: the generator did not keep up</td>`}
<td>${formatCount(step.lost)}</td>${objective ? html`<td>${step.held === null ? '' : step.held ? '✓ held' : '✗ missed'}</td>` : ''}</tr>`,
  );
  return html`<h3>Steps${single ? '' : html` of ${label}`}</h3><div class="scroll"><table><thead><tr><td></td><th scope="col">p50</th><th scope="col">p99</th><th scope="col">deliveries</th><th scope="col">lost</th>${objective ? html`<th scope="col">objective</th>` : ''}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function figureTable({ results, labels }: ScenarioGroup): Markup {
  const first = results[0] as Result;
  let group = '';
  const rows = figuresOf(results).map((figure) => {
    const head =
      figure.group === group
        ? ''
        : html`<tr class="group"><th colspan="${results.length + 1}">${figure.group}</th></tr>`;
    group = figure.group;
    const cells = results.map(
      (result) =>
        html`<td class="${figureText(figure, result) === 'invalid' ? 'void' : ''}">${figureText(figure, result)} <small>${figureRatio(figure, result, first)}</small></td>`,
    );
    return html`${head}<tr><th scope="row">${figure.label}</th>${cells}</tr>`;
  });
  const header =
    results.length > 1
      ? html`<thead><tr><td></td>${labels.map((label) => html`<th scope="col">${label}</th>`)}</tr></thead>`
      : '';
  return html`<div class="scroll"><table class="${results.length > 1 ? '' : 'narrow'}">${header}<tbody>${rows}</tbody></table></div>`;
}

function setup({ results, labels, params }: ScenarioGroup): Markup {
  const shared = html`<dl class="setup">${params.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
  const runs = results.map((result, i) => {
    const { host, target } = result;
    const own = Object.entries(result.params).filter(([name]) => !params.some(([other]) => other === name));
    return html`<h4>${labels[i] ?? ''}</h4><dl class="setup">
<div><dt>command</dt><dd><code>${target.cmd}</code></dd></div>${own.map(([name, value]) => html`<div><dt>${name}</dt><dd>${String(value)}</dd></div>`)}
<div><dt>started</dt><dd>${result.startedAt ?? '–'}</dd></div>
<div><dt>machine</dt><dd>${host.cpu}, ${host.cores} cores, kernel ${host.kernel}, Node ${host.node}</dd></div></dl>`;
  });
  return html`${shared}${runs}`;
}

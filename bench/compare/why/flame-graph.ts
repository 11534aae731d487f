// The section of a comparison's page that says why: functions by change, and a differential flame graph without any
// script.
//
// B. Gregg, "Differential Flame Graphs" (2014): widths are the head's, colour is the change against the base.

import { html, type Markup } from '../../../src/base/page/markup.js';
import type { Difference, FlameNode, FunctionChange, Why } from './difference.js';

const ROW_PX = 19;
/** A change of this share of all CPU has the full colour. */
const FULL_SHARE = 0.1;
const LEAST_WIDTH = 0.25;
/** A label takes about so many characters for each percent of a wide page. */
const CHARACTERS_PER_PERCENT = 1.4;

export function whySection(why: Why): Markup {
  return html`<section class="scenario why" id="why">
<h2>Why</h2>
<p class="what">CPU profiles of ${why.pairs} further pairs of ${why.scenario}; the measured pairs had no profiler. Nanoseconds a delivery, of each
function itself.</p>
${functionTable(why)}
${why.differences.length === 0 ? '' : html`<p class="what">Locked packages that differ: ${why.differences.join(', ')}.</p>`}
<h3>Flame graph of the head</h3>
<p class="what">Width: CPU a delivery, ${nanoseconds(why.flame.ns)} in all. <span class="warmer">Red</span> is more than the base, <span class="cooler">blue</span> less, by up to
${FULL_SHARE * 100} % of all.</p>
${flameGraph(why, 'Flame graph')}
${why.native === undefined ? '' : nativePart(why.native)}
</section>`;
}

function nativePart(native: Difference): Markup {
  return html`<h3>Native code and the kernel</h3>
<p class="what">The same runs, sampled by <code>perf</code>: all that V8’s profiler calls (program), with what is below JavaScript. A stack ends where it meets
JavaScript. CPU a delivery, ${nanoseconds(native.flame.ns)} in all.</p>
${functionTable(native)}
${flameGraph(native, 'Flame graph of native code')}`;
}

function functionTable({ functions }: Difference): Markup {
  return html`<div class="scroll"><table class="functions"><thead><tr><th scope="col">function</th><th scope="col">base</th><th scope="col">head</th><th scope="col">change</th></tr></thead>
<tbody>${functions.map(functionRow)}</tbody></table></div>`;
}

function flameGraph({ flame }: Difference, label: string): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><div class="flame" style="height:${depthOf(flame, flame.ns) * ROW_PX}px">${boxes(flame, { left: 0, row: 0, total: flame.ns })}</div></div>`;
}

/** The changes as lines for terminal and Markdown, the largest first. */
export function whyLines(why: Why): string[] {
  const line = ({ name, baseNs, headNs }: FunctionChange): string =>
    `${name.replace('\t', ' ')}: ${nanoseconds(baseNs)} → ${nanoseconds(headNs)} a delivery (${signed(headNs - baseNs)})`;
  const native = why.native?.functions.filter(({ name }) => name.includes('\t')) ?? []; // JavaScript stands above
  return [...why.functions.slice(0, 5), ...native.slice(0, 3)].map(line);
}

function functionRow({ name, baseNs, headNs }: FunctionChange): Markup {
  const [what = '', where = ''] = name.split('\t');
  return html`<tr><th scope="row">${what} <small>${where}</small></th><td>${nanoseconds(baseNs)}</td><td>${nanoseconds(headNs)}</td><td>${signed(headNs - baseNs)}</td></tr>`;
}

interface Place {
  /** Percent of the width. */
  readonly left: number;
  readonly row: number;
  readonly total: number;
}

function boxes(node: FlameNode, { left, row, total }: Place): Markup[] {
  if (!isDrawn(node, total)) return [];
  const width = (node.ns / total) * 100;
  const share = Math.max(-1, Math.min(1, node.change / total / FULL_SHARE));
  const strength = Math.round(Math.abs(share) * 60);
  const style = `left:${left.toFixed(3)}%;width:${width.toFixed(3)}%;top:${row * ROW_PX}px;--strength:${strength}%`;
  const label = `${node.name.replace('\t', ' ')}: ${nanoseconds(node.ns)} a delivery, ${signed(node.change)}`;
  const [short = ''] = node.name.split('\t');
  const text = short.length <= width * CHARACTERS_PER_PERCENT ? short : '';
  const own = html`<div class="${share < 0 ? 'less' : 'more'}" style="${style}" title="${label}">${text}</div>`;
  let at = left;
  const inner = node.children.flatMap((child) => {
    const drawn = boxes(child, { left: at, row: row + 1, total });
    at += (child.ns / total) * 100;
    return drawn;
  });
  return [own, ...inner];
}

/** Rows of what is wide enough to be drawn. */
function depthOf(node: FlameNode, total: number): number {
  if (!isDrawn(node, total)) return 0;
  return 1 + Math.max(0, ...node.children.map((child) => depthOf(child, total)));
}

function isDrawn({ ns }: FlameNode, total: number): boolean {
  return (ns / total) * 100 >= LEAST_WIDTH;
}

function nanoseconds(ns: number): string {
  return ns < 10 ? `${ns.toFixed(1)} ns` : ns < 10_000 ? `${Math.round(ns)} ns` : `${(ns / 1000).toPrecision(3)} µs`;
}

function signed(ns: number): string {
  return `${ns < 0 ? '−' : '+'}${nanoseconds(Math.abs(ns))}`;
}

// The report as JUnit XML, which every CI system shows: an invalid run is an error, a lost message a failure.

import type { Result } from '../result/result.js';
import { figuresOf, figureText } from './figures.js';
import { groupByScenario, type ScenarioGroup } from './grouping.js';
import { judge } from './verdict.js';

/** One `<testsuite>` per scenario, one `<testcase>` per result, ending in a newline. */
export function renderJunit(results: readonly Result[]): string {
  const suites = groupByScenario(results).map(renderSuite);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="fanwire">\n${suites.join('\n')}\n</testsuites>\n`;
}

function renderSuite(group: ScenarioGroup): string {
  const kinds = group.results.map((result) => judge(result).kind);
  const tally = (kind: string) => kinds.filter((k) => k === kind).length;
  const cases = group.results.map((result, i) => renderCase(group, result, group.labels[i] ?? ''));
  const attributes = `tests="${kinds.length}" failures="${tally('failed')}" errors="${tally('invalid')}"`;
  return `  <testsuite name="${escapeXml(group.scenario)}" ${attributes}>\n${cases.join('\n')}\n  </testsuite>`;
}

function renderCase(group: ScenarioGroup, result: Result, label: string): string {
  const verdict = judge(result);
  const seconds = ((result.series.at(-1)?.t ?? 0) / 1000).toFixed(3);
  const open = `    <testcase classname="fanwire.${escapeXml(group.scenario)}" name="${escapeXml(label)}" time="${seconds}">`;
  const figures = figuresOf([result]).map((f) => `${f.group} ${f.label}: ${figureText(f, result)}`);
  const lines = [open];
  if (verdict.kind !== 'good') {
    const element = verdict.kind === 'invalid' ? 'error' : 'failure';
    const details = verdict.reasons.map(escapeXml).join('\n');
    lines.push(`      <${element} message="${escapeXml(verdict.headline)}">${details}</${element}>`);
  }
  lines.push(`      <system-out>${escapeXml(figures.join('\n'))}</system-out>`, '    </testcase>');
  return lines.join('\n');
}

/** Text as XML text or attribute; characters that XML 1.0 cannot hold become U+FFFD. */
export function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 has no way to write them
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/"/g, '&quot;')
      .replace(/'/g, '&#39;')
      .replace(/\r?\n/g, '&#10;')
  );
}

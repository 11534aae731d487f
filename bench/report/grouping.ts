// Which results stand side by side: those of one scenario. And what each is called there: only what tells them apart.

import type { Result } from '../result.js';

export interface ScenarioGroup {
  readonly scenario: string;
  readonly results: readonly Result[];
  /** One per result, unique within the group. */
  readonly labels: readonly string[];
  /** Parameters that all results of the group share. */
  readonly params: readonly [string, string][];
}

/** Results by scenario, in the order in which each scenario first appears. */
export function groupByScenario(results: readonly Result[]): ScenarioGroup[] {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const group = groups.get(result.scenario);
    if (group) group.push(result);
    else groups.set(result.scenario, [result]);
  }
  return [...groups].map(([scenario, members]) => ({
    scenario,
    results: members,
    labels: labelsOf(members),
    params: sharedParams(members),
  }));
}

export function targetName(result: Result): string {
  return `${result.target.name} ${result.target.version}`.trim();
}

function labelsOf(results: readonly Result[]): string[] {
  const candidates: ((result: Result) => string)[] = [targetName, (r) => r.engine, differingParams(results)];
  const telling = candidates.filter((label) => new Set(results.map(label)).size > 1);
  const parts = telling.length > 0 ? telling : [targetName];
  const labels = results.map((result) =>
    parts
      .map((part) => part(result))
      .filter((text) => text !== '')
      .join(', '),
  );
  const seen = new Map<string, number>();
  return labels.map((label) => {
    const nth = (seen.get(label) ?? 0) + 1;
    seen.set(label, nth);
    return labels.filter((other) => other === label).length > 1 ? `${label} #${nth}` : label;
  });
}

function differingParams(results: readonly Result[]): (result: Result) => string {
  const shared = new Set(sharedParams(results).map(([name]) => name));
  return (result) =>
    Object.entries(result.params)
      .filter(([name]) => !shared.has(name))
      .map(([name, value]) => `${name} ${value}`)
      .join(', ');
}

function sharedParams(results: readonly Result[]): [string, string][] {
  const first = results[0];
  if (!first) return [];
  return Object.entries(first.params)
    .filter(([name, value]) => results.every((other) => String(other.params[name]) === String(value)))
    .map(([name, value]) => [name, String(value)]);
}

// Which results stand side by side: those of one scenario. And what each is called there: only what tells them apart.

import type { Result } from '../result/result.js';
import { PLAN_DEFAULTS } from '../scenarios/scenario.js';

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

/** The target's name; where that is not unique also the engine, the parameters that differ, and at last a number. */
function labelsOf(results: readonly Result[]): string[] {
  let labels = results.map(targetName);
  for (const further of [(result: Result) => result.engine, differingParams(results)]) {
    if (new Set(labels).size === labels.length) return labels;
    const parts = results.map(further);
    if (new Set(parts).size > 1) labels = labels.map((label, i) => [label, parts[i]].filter(Boolean).join(', '));
  }
  const seen = new Map<string, number>();
  return labels.map((label) => {
    const nth = (seen.get(label) ?? 0) + 1;
    seen.set(label, nth);
    return labels.filter((other) => other === label).length > 1 ? `${label} #${nth}` : label;
  });
}

/** Parameters that were asked for; an engine adds what it measured, which differs from run to run and tells nothing apart. */
const ASKED_FOR: ReadonlySet<string> = new Set([...Object.keys(PLAN_DEFAULTS), 'slo', 'round']);

function differingParams(results: readonly Result[]): (result: Result) => string {
  const shared = new Set(sharedParams(results).map(([name]) => name));
  return (result) =>
    Object.entries(result.params)
      .filter(([name]) => ASKED_FOR.has(name) && !shared.has(name))
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

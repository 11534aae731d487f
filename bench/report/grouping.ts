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

/** What each result is called: its own label, else the target's name; where that is not unique also the engine, the
 *  flags of the command that differ, the parameters that differ, and at last when it began. Never a bare number: it
 *  would say nothing of either. */
function labelsOf(results: readonly Result[]): string[] {
  let labels = results.map((result) => ownLabel(result) ?? targetName(result));
  const further: readonly ((result: Result, i: number) => string)[] = [
    (result) => result.engine,
    differingFlags(results),
    differingParams(results),
    (result) => (result.startedAt === undefined ? '' : `${result.startedAt.slice(11, 19)} UTC`),
    (result) => (result.startedAt === undefined ? '' : result.startedAt.slice(0, 10)),
    (_result, i) => `run ${String.fromCodePoint(65 + i)}`,
  ];
  for (const more of further) {
    if (new Set(labels).size === labels.length) return labels;
    const parts = results.map(more);
    const isTelling = (i: number) =>
      labels.some((label, other) => other !== i && label === labels[i] && parts[other] !== parts[i]);
    labels = labels.map((label, i) => (isTelling(i) ? [label, parts[i]].filter(Boolean).join(', ') : label));
  }
  return labels;
}

/** What `--label` said. */
function ownLabel({ params }: Result): string | undefined {
  return typeof params.label === 'string' && params.label !== '' ? params.label : undefined;
}

/** Of each command, the words that not every command has. */
function differingFlags(results: readonly Result[]): (result: Result) => string {
  const words = results.map(({ target }) => target.cmd.split(/\s+(?=--)/));
  const shared = new Set((words[0] ?? []).filter((word) => words.every((other) => other.includes(word))));
  return (result) => {
    const own = words[results.indexOf(result)] ?? [];
    return own.filter((word) => !shared.has(word)).join(' ');
  };
}

/** Parameters that were asked for; an engine adds what it measured, which differs from run to run and tells nothing
 *  apart. */
const ASKED_FOR: ReadonlySet<string> = new Set([...Object.keys(PLAN_DEFAULTS), 'round']);

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

// Baselines: a side's runs kept in a file, for those who cannot build the base when the head is measured. The runs are
// from another time, so the machine's drift is not cancelled as it is within a pair. The file is therefore refused
// where host, Node or scenario differ, and only steady metrics should get a budget.

import { writeFileSync } from 'node:fs';
import { FanwireError } from '../../src/base/error.js';
import { readJsonFile } from '../../src/base/json-file.js';
import type { Result } from '../result/result.js';
import { validateResult } from '../result/result-validate.js';
import type { Plan } from '../scenarios/scenario.js';
import type { MeasuredCapacity, Run } from './metrics.js';

const SCHEMA = 'fanwire.baseline/1';

export interface Baseline {
  readonly schema: typeof SCHEMA;
  readonly savedAt: string;
  readonly label: string;
  readonly plan: Plan;
  readonly capacityMs: number;
  readonly runs: readonly { readonly result: Result; readonly capacity: MeasuredCapacity | null }[];
}

/** What two runs must share before they may be compared across time. */
export interface Setting {
  readonly host: Result['host'];
  readonly plan: Plan;
  readonly capacityMs: number;
}

export function saveBaseline(file: string, label: string, plan: Plan, capacityMs: number, runs: readonly Run[]): void {
  const baseline: Baseline = {
    schema: SCHEMA,
    savedAt: new Date().toISOString(),
    label,
    plan,
    capacityMs,
    runs: runs.map(({ result, capacity }) => ({ result, capacity })),
  };
  try {
    writeFileSync(file, `${JSON.stringify(baseline)}\n`);
  } catch (error) {
    throw new FanwireError(
      'FANWIRE_BASELINE_WRITE',
      `cannot write --save-baseline ${file}: ${(error as Error).message}`,
    );
  }
}

/** Reads a baseline that can be compared with `now`.
 *  @throws FanwireError FANWIRE_USAGE_BASELINE for a file that is none, FANWIRE_USAGE_BASELINE_DIFFERS for another
 *  setting */
export function loadBaseline(file: string, now: Setting): { readonly label: string; readonly runs: readonly Run[] } {
  const baseline = parse(file);
  const then = baseline.runs[0]?.result.host;
  const differences = [
    ...(['cpu', 'cores', 'node', 'kernel'] as const)
      .filter((key) => then?.[key] !== now.host[key])
      .map((key) => `${key} was ${then?.[key]}, is ${now.host[key]}`),
    ...(Object.keys(now.plan) as (keyof Plan)[])
      .filter((key) => baseline.plan[key] !== now.plan[key])
      .map((key) => `${key} was ${baseline.plan[key]}, is ${now.plan[key]}`),
    ...(baseline.capacityMs === now.capacityMs
      ? []
      : [`capacity was ${baseline.capacityMs} ms, is ${now.capacityMs} ms`]),
  ];
  if (differences.length > 0) {
    throw new FanwireError(
      'FANWIRE_USAGE_BASELINE_DIFFERS',
      `--baseline ${file} cannot be compared with this run: ${differences.join('; ')}; save a new one here with --save-baseline`,
    );
  }
  return { label: `${baseline.label} (${baseline.savedAt.slice(0, 10)})`, runs: baseline.runs };
}

function parse(file: string): Baseline {
  const refuse = (why: string): never => {
    throw new FanwireError('FANWIRE_USAGE_BASELINE', `--baseline ${file} ${why}; write one with --save-baseline`);
  };
  let content: unknown;
  try {
    content = readJsonFile(file);
  } catch (error) {
    return refuse(`cannot be read: ${(error as Error).message}`);
  }
  const baseline = content as Baseline;
  if (baseline?.schema !== SCHEMA || !Array.isArray(baseline.runs) || baseline.runs.length === 0) {
    return refuse(`is no ${SCHEMA}`);
  }
  for (const { result } of baseline.runs) validateResult(result, file);
  return baseline;
}

// Reads result files. A file that is no fanwire.result/1, or contradicts itself, is refused with one clear line.

import { FanwireError } from '../../src/base/error.js';
import { readJsonFile } from '../../src/base/json-file.js';
import { type Result, resultSchema } from './result.js';

/** Checks that `value` is a complete, consistent result and returns it typed. `source` (a file name) appears in the
 *  error.
 *  @throws FanwireError FANWIRE_RESULT_INVALID */
export function validateResult(value: unknown, source: string): Result {
  const parsed = resultSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue === undefined || issue.path.length === 0 ? 'the top level' : issue.path.join('.');
    throw invalid(source, `${where}: ${issue?.message ?? 'unknown problem'}`);
  }
  const contradiction = findContradiction(parsed.data);
  if (contradiction !== undefined) throw invalid(source, contradiction);
  return parsed.data;
}

/** Reads and checks one result file, or a file that holds an array of results.
 *  @throws FanwireError FANWIRE_RESULT_UNREADABLE, FANWIRE_RESULT_INVALID */
export function readResults(file: string): Result[] {
  let value: unknown;
  try {
    value = readJsonFile(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FanwireError('FANWIRE_RESULT_UNREADABLE', `cannot read the result file ${file}: ${reason}`);
  }
  if (!Array.isArray(value)) return [validateResult(value, file)];
  if (value.length === 0) throw invalid(file, 'the array holds no result');
  return value.map((entry, i) => validateResult(entry, `${file}[${i}]`));
}

/** Checks what a schema cannot express: fields that must agree with each other. */
function findContradiction(result: Result): string | undefined {
  if (result.valid && result.invalidReasons.length > 0) return 'valid is true, yet invalidReasons is not empty';
  if (!result.valid && result.invalidReasons.length === 0) return 'valid is false, yet invalidReasons is empty';
  if (result.delivered + result.lost !== result.expected) {
    return `delivered ${result.delivered} + lost ${result.lost} is not expected ${result.expected}`;
  }
  if (result.connections.opened + result.connections.failed > result.connections.requested) {
    return 'connections opened + failed exceed those requested';
  }
  let previous = -1;
  for (const point of result.series) {
    if (point.t <= previous) return `series is not in order of time at t = ${point.t}`;
    previous = point.t;
  }
  return undefined;
}

function invalid(source: string, problem: string): FanwireError {
  return new FanwireError('FANWIRE_RESULT_INVALID', `${source} is not a fanwire.result/1 result: ${problem}`);
}

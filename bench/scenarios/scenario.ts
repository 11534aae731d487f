// A scenario: a name, one paragraph, and defaults for the parameters that every engine understands.

import { PARAMETERS, type Parameters, parameterKeys } from '../k6/lib/parameters.js';

/** Everything that a run can vary: the scenario's name, as in `fanwire bench list`, and a value for every parameter.
 *  The scenario sets the defaults; a `--scenario file.json` and flags override them. */
export type Plan = { scenario: string } & Parameters;

/** A scenario consists of parameters only. With `sweep` or `search`, the plan is played several times, which gives one
 *  result with `steps`. */
export interface Scenario {
  readonly name: string;
  /** One line for `fanwire bench list`. */
  readonly summary: string;
  /** What the figures of this scenario show, and what they do not; a few sentences. */
  readonly explains: string;
  /** The only engine that can play it. If absent, the native engine plays it, and k6 too unless it refuses a parameter.
   *  */
  readonly engine?: 'autocannon';
  /** Routes of the admin port to GET; nothing is published then. */
  readonly paths?: readonly string[];
  /** Only the parameters that differ from `PLAN_DEFAULTS`. */
  readonly defaults: Partial<Plan>;
  /** What `fanwire compare` plays instead, whose runs are short and many. */
  readonly compared?: Partial<Plan>;
  /** Runs the plan once for each value of one numeric parameter. */
  readonly sweep?: Sweep;
  /** Searches for the highest `rate` at which an objective holds. */
  readonly search?: Search;
}

export interface Sweep {
  readonly param: 'payloadBytes' | 'rate' | 'subscribers' | 'burst';
  readonly values: readonly number[];
  readonly unit: string;
}

export interface Search {
  /** Such as `p99<20ms,loss==0`; `--slo` overrides it. */
  readonly slo: string;
  readonly minRate: number;
  readonly maxRate: number;
  /** Stops when the remaining range is within this fraction of the rate. */
  readonly precision: number;
}

const defaults = Object.fromEntries(parameterKeys.map((key) => [key, PARAMETERS[key].default]));

/** The default of every parameter: a run that takes less than twenty seconds and is meaningful on two cores. */
export const PLAN_DEFAULTS: Readonly<Plan> = { scenario: 'fan-out', ...(defaults as Parameters) };

// What a scenario is: a name, one paragraph, and defaults for the parameters that every engine understands.

import { PARAMETERS, type Parameters, parameterKeys } from '../k6/lib/parameters.js';

/** Everything that a run can vary: the scenario's name, as `fanwire bench list` prints it, and a value of every
 *  parameter. A scenario sets the defaults; a `--scenario file.json` and flags override them. */
export type Plan = { scenario: string } & Parameters;

/** A scenario: parameters only. `sweep` and `search` play the plan several times and give one result with `steps`. */
export interface Scenario {
  readonly name: string;
  /** One line for `fanwire bench list`. */
  readonly summary: string;
  /** What the figures of this scenario tell and what they do not; a few sentences. */
  readonly explains: string;
  /** The only engine that can play it; without one: native, or k6 where that can. */
  readonly engine?: 'autocannon';
  /** Routes of the admin port to GET instead of publishing. */
  readonly paths?: readonly string[];
  /** Where it departs from `PLAN_DEFAULTS`. */
  readonly defaults: Partial<Plan>;
  /** Runs the plan once for each value of one numeric parameter. */
  readonly sweep?: Sweep;
  /** Looks for the highest `rate` that holds an objective. */
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
  /** Stops when the bracket is within this fraction of the rate. */
  readonly precision: number;
}

const defaults = Object.fromEntries(parameterKeys.map((key) => [key, PARAMETERS[key].default]));

/** The defaults of every parameter: a run that ends within twenty seconds and means something on two cores. */
export const PLAN_DEFAULTS: Readonly<Plan> = { scenario: 'fan-out', ...(defaults as Parameters) };

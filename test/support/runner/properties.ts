// What test files get for `fast-check`: the same, but `assert` obeys two variables of the environment.
//
// FANWIRE_TEST_RUNS=50    every property is tried 50 times as often: a search by hand, or at night
// FANWIRE_TEST_SEED=-12   every property is tried from this seed, so that a counterexample is met again

import fc, { type IAsyncProperty, type IProperty, type Parameters } from 'fast-check';

export * from 'fast-check';

/** As fast-check has it for a property that says nothing. */
const USUAL_RUNS = 100;

const { FANWIRE_TEST_RUNS: factor, FANWIRE_TEST_SEED: seed } = process.env;

export function assert<Ts>(property: IAsyncProperty<Ts> | IProperty<Ts>, given?: Parameters<Ts>): unknown {
  return fc.assert(property as IProperty<Ts>, {
    ...given,
    ...(factor === undefined ? {} : { numRuns: (given?.numRuns ?? USUAL_RUNS) * Number(factor) }),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  });
}

export default { ...fc, assert };

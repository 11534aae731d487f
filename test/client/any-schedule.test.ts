// The client's state machine, without sockets and clocks: whatever the network, the relay, users' code and clocks do,
// every promise ends truthfully, every gap is told, nothing spins, and when all is well again so is the client. And the
// property itself: it finds each of the faults that are put into the client.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { FanwireClient } from '../../src/client/index.js';
import { holdsUnderAnySchedule } from '../support/any-schedule.js';
import { buildMutant, MUTANTS } from '../support/mutants.js';

const RUNS = Number(process.env.RUNS ?? 40);
/** Schedules after which a fault must have been found. */
const MUTANT_RUNS = 1000;

test('whatever happens in whatever order, every promise ends, every gap is told, nothing spins, and it comes back', (t) =>
  holdsUnderAnySchedule(t, FanwireClient, RUNS, 'max'));

for (const mutant of MUTANTS.filter(({ schedule }) => schedule)) {
  test(`a client that ${mutant.fault} does not hold`, async (t) => {
    const { FanwireClient: Mutant } = await import(pathToFileURL(await buildMutant(t, mutant)).href);
    await assert.rejects(holdsUnderAnySchedule(t, Mutant, MUTANT_RUNS, 'small'));
  });
}

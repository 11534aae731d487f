// All scenarios, in the order in which they are listed.
import type { ConformScenario } from '../stage.js';
import { CUTS } from './cuts.js';
import { GARBAGES } from './garbage.js';
import { JOINING } from './joining.js';
import { PUBLISHES } from './publishes.js';
import { REFUSALS } from './refusals.js';
import { WAITING } from './waits.js';

export const SCENARIOS: readonly ConformScenario[] = [
  ...JOINING,
  ...CUTS,
  ...WAITING,
  ...REFUSALS,
  ...PUBLISHES,
  ...GARBAGES,
];

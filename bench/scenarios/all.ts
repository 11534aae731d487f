// All scenarios, in the order in which `fanwire bench list` prints them.

import { FanwireError } from '../../src/base/error.js';
import { didYouMean } from '../../src/base/nearest.js';
import { burst } from './burst.js';
import { churn } from './churn.js';
import { connectRamp } from './connect-ramp.js';
import { fanOut } from './fan-out.js';
import { httpAdmin } from './http-admin.js';
import { httpPublish } from './http-publish.js';
import { idleHold } from './idle-hold.js';
import { manyTopics } from './many-topics.js';
import { maxRate } from './max-rate.js';
import { payloadSweep } from './payload-sweep.js';
import { reconnectStorm } from './reconnect-storm.js';
import type { Scenario } from './scenario.js';
import { slowConsumer } from './slow-consumer.js';
import { state } from './state.js';

export const scenarios: readonly Scenario[] = [
  fanOut,
  manyTopics,
  burst,
  connectRamp,
  idleHold,
  churn,
  reconnectStorm,
  slowConsumer,
  state,
  payloadSweep,
  maxRate,
  httpPublish,
  httpAdmin,
];

/** @throws FanwireError FANWIRE_USAGE_SCENARIO */
export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  const names = scenarios.map((scenario) => scenario.name);
  throw new FanwireError(
    'FANWIRE_USAGE_SCENARIO',
    `there is no scenario "${name}"${didYouMean(name, names)} (\`fanwire bench list\` explains all ${names.length})`,
  );
}

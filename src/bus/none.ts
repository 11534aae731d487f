// The bus of a relay that is alone: nothing to pass on, nobody to tell.
import { type Bus, NO_STATUS } from './bus.js';

export const noBus: Bus = {
  start() {},
  forward() {},
  reaches: () => false,
  subscribe() {},
  unsubscribe() {},
  survey: () => Promise.resolve([]),
  confirm: () => Promise.resolve(true),
  status: () => NO_STATUS,
  close: () => Promise.resolve(),
};

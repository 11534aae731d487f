// The bus of a relay that is alone: nothing to pass on, nobody to tell.
import type { Bus } from './bus.js';

const STATUS = { connected: true, forwarded: 0, received: 0, lost: 0 };

export const noBus: Bus = {
  start() {},
  forward() {},
  subscribe() {},
  unsubscribe() {},
  status: () => STATUS,
  close: () => Promise.resolve(),
};

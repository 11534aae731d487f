// The package's public entry: what a program may import from `fanwire`. The client library is `fanwire/client`.

export { FanwireError } from './base/error.js';
export { type RelayOptions, type RelayTotals, type RunningRelay, startRelay } from './embedded.js';

// A relay's configuration in a test.
import { loadConfig } from '../../src/config/load.js';
import type { RelayConfig } from '../../src/config/schema.js';

/** Defaults and what is given here, checked as flags are. */
export function configWith(given: Partial<RelayConfig> = {}): RelayConfig {
  return loadConfig({ flags: given }).config;
}

// What has changed in the configuration since a relay started with it. Only the --config file can.
import { isDeepStrictEqual } from 'node:util';
import { loadConfig } from './load.js';
import type { RelayConfig } from './schema.js';
import type { Sources } from './sources.js';

/** Keys whose value would be another one if the relay were started now.
 *  @throws FanwireError as loadConfig does */
export function changedKeys(inForce: RelayConfig, sources: Sources): string[] {
  const now = loadConfig(sources).config;
  return Object.entries(now).flatMap(([key, value]) =>
    isDeepStrictEqual(value, inForce[key as keyof RelayConfig]) ? [] : key,
  );
}

// The settings that are not parameters of scenarios, the names of all settings, and suggestions for mistyped names (a
// misspelled setting would silently leave its default in effect).

import { editDistance } from './nearest.ts';
import { k6Keys, settingOf } from './parameters.ts';

/** In addition to the parameters of scenarios. docs/k6.md is generated from this. */
export const OWN_SETTINGS = {
  URL: {
    meaning:
      "topic URL; `{topic}` stands for the topic's number (without it the number ends the path, before a query); several nodes separated by commas",
    usually: '`ws://127.0.0.1:9001/lobby`',
  },
  STAGES: {
    meaning:
      "`10s:100,30s:1k`: the rate reaches each target in a straight line, as in k6's own stages, from `RATE` on; their sum is the duration",
    usually: 'none',
  },
  CONNECT_S: { meaning: 'time to connect, from the first handshake to the first message', usually: 'the ramp + 1' },
  VUS: {
    meaning: 'event loops that hold subscribers; past two a core they only cost memory',
    usually: 'one per 50 subscribers, at most 8',
  },
  SLO: { meaning: "objective, checked by k6's thresholds", usually: 'none' },
  TOKEN: { meaning: 'bearer token', usually: 'none' },
  HEADERS: { meaning: 'further headers as a JSON object', usually: 'none' },
  SUMMARY: { meaning: 'file for the summary as JSON, without headers and queries', usually: 'none' },
  SUMMARY_MODE: { meaning: "`1`: k6's own summary follows ours, in the mode of `--summary-mode`", usually: 'off' },
  MAX_FAILED: { meaning: 'connections that may fail: a count, `0.1%`, or `off`', usually: '0' },
  MAX_LOST: { meaning: 'deliveries that may be lost', usually: '0' },
  MAX_CLOSED: { meaning: 'connections that the server may close', usually: '0' },
  MIN_CONNECTED: {
    meaning: 'connections that must open: a share or a count',
    usually: '100%, or one with `MAX_FAILED`',
  },
  MAX_HANDLER_LAG_MS: {
    meaning: 'wait of a frame for its handler (p99) past which k6 counts as saturated',
    usually: '50',
  },
  MAX_SLIP_MS: { meaning: 'the same for how late messages are sent', usually: '10' },
  TOPIC_TAGS: { meaning: '`1`: latencies carry their `topic` as a tag, a time series each', usually: 'off' },
} as const;

/** Only `fanwire bench` sets FANWIRE_REPORT. */
export type OwnSetting = keyof typeof OWN_SETTINGS | 'FANWIRE_REPORT';

/** Settings whose values must never be printed. */
export const SECRETS: readonly string[] = ['TOKEN', 'HEADERS'];

export const NAMES: readonly string[] = [...k6Keys.map(settingOf), ...Object.keys(OWN_SETTINGS)];

/** The environment also contains the caller's own variables. Many of those resemble a short name (DATE is one letter
 *  from RATE), so a short name must equal the setting except for its last letters; a longer one may differ in a few
 *  letters. */
const LONG = 6;
const SHORTEST = 3;

/** One line for each variable in `environment` that is no setting but closely resembles one. */
export function mistyped(environment: { readonly [name: string]: string }): string[] {
  const known = new Set<string>(NAMES);
  const lines: string[] = [];
  for (const name of Object.keys(environment)) {
    if (known.has(name) || name.length < SHORTEST || name.startsWith('K6_')) continue;
    const meant = NAMES.find((setting) => isNear(name.toUpperCase().replace(/-/g, '_'), setting));
    if (meant !== undefined) lines.push(`there is no setting ${name}; did you mean ${meant}?`);
  }
  return lines;
}

function isNear(name: string, setting: string): boolean {
  if (name === setting) return true;
  // Such as DURATION for DURATION_S, PAYLOAD for PAYLOAD_BYTES, or RATE_S for RATE.
  if ((name.length > SHORTEST && setting.startsWith(`${name}_`)) || name === `${setting}_S`) return true;
  if (`${name}S` === setting || name === `${setting}S`) return true;
  if (setting.length < LONG || name.length < LONG) return false;
  return editDistance(name, setting) <= (setting.length < 10 ? 1 : 2);
}

// The names of all settings, and what a mistyped one was meant to be: a gate that silently plays its defaults is worse
// than none.

export const NAMES = [
  'URL',
  'SUBSCRIBERS',
  'PUBLISHERS',
  'TOPICS',
  'RATE',
  'BURST',
  'STAGES',
  'PAYLOAD_BYTES',
  'BINARY',
  'CONNECT_RATE',
  'MAX_HANDSHAKES',
  'CONNECT_TIMEOUT_S',
  'CONNECT_S',
  'WARMUP_S',
  'DURATION_S',
  'DRAIN_S',
  'CHURN_RATE',
  'VUS',
  'SLO',
  'TOKEN',
  'HEADERS',
  'SUMMARY',
  'SUMMARY_MODE',
  'MAX_FAILED',
  'MAX_LOST',
  'MAX_CLOSED',
  'MIN_CONNECTED',
  'MAX_HANDLER_LAG_MS',
  'MAX_SLIP_MS',
  'TOPIC_TAGS',
] as const;

/** What is never repeated. */
export const SECRETS: readonly string[] = ['TOKEN', 'HEADERS'];

/** FANWIRE_REPORT is set by `fanwire bench` alone. */
export type Name = (typeof NAMES)[number] | 'FANWIRE_REPORT';

/** The environment holds the job's own variables beside the settings. A short name is near to many of those (DATE is
 *  one letter from RATE), so it must be the setting plus or minus its last letters; a longer one may differ in some
 *  letters. */
const LONG = 6;
const SHORTEST = 3;

/** One line for each variable in `environment` that is no setting but nearly is one. */
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
  // DURATION for DURATION_S, PAYLOAD for PAYLOAD_BYTES, RATE_S for RATE.
  if ((name.length > SHORTEST && setting.startsWith(`${name}_`)) || name === `${setting}_S`) return true;
  if (`${name}S` === setting || name === `${setting}S`) return true;
  if (setting.length < LONG || name.length < LONG) return false;
  return distance(name, setting) <= (setting.length < 10 ? 1 : 2);
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, replaced);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) cost = Math.min(cost, (beforeLast[j - 2] as number) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}

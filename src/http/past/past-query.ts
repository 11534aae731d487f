// What a reader of a topic's past asks for: so many messages, after a position.
import { type Refusal, Refused } from '../../protocol/codes.js';
import { queryValue } from '../../protocol/query.js';
import type { Reading } from '../../relay/history/history.js';

export interface PastQuery {
  readonly reading: Reading;
  /** Messages of one answer at most. */
  readonly limit: number;
  /** After this number; undefined: the last ones. */
  readonly since: number | undefined;
  /** The sequence that `since` is of; undefined: whatever there is. */
  readonly epoch: string | undefined;
}

export const STATE_QUERY: PastQuery = { reading: 'newest', limit: 1000, since: undefined, epoch: undefined };
export const HISTORY_QUERY: PastQuery = { reading: 'all', limit: 100, since: undefined, epoch: undefined };

const MAX_LIMIT = 1000;

export function readPastQuery(query: string, defaults: PastQuery): PastQuery | Refusal {
  const bad = (name: string, what: string, got: string): Refusal => ({
    ...Refused.pastQuery,
    message: `"${name}" is ${what}, got ${JSON.stringify(got.slice(0, 80))}`,
  });
  const limit = queryValue(query, 'limit');
  if (limit !== undefined && !(/^\d{1,4}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= MAX_LIMIT)) {
    return bad('limit', `a whole number from 1 to ${MAX_LIMIT}`, limit);
  }
  const since = queryValue(query, 'since');
  if (since !== undefined && !(/^\d{1,16}$/.test(since) && Number.isSafeInteger(Number(since)))) {
    return bad('since', 'the `seq` of an answer or a message', since);
  }
  const epoch = queryValue(query, 'epoch');
  if (epoch !== undefined && since === undefined) {
    return bad('epoch', 'the sequence that "since" is of, and goes with it', epoch);
  }
  return {
    reading: defaults.reading,
    limit: limit === undefined ? defaults.limit : Number(limit),
    since: since === undefined ? undefined : Number(since),
    epoch,
  };
}

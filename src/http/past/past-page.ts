// One answer about a topic's past: its messages as JSON, oldest first, bounded in number and bytes, and the tag that
// says whether another answer would be the same.
import { withoutId } from '../../protocol/publish-id.js';
import type { Kept, TopicHistory } from '../../relay/history/history.js';
import { numberOf } from '../../relay/history/meanwhile.js';
import type { PastQuery } from './past-query.js';

/** Bytes of messages in one answer, but for its first message. */
const MAX_PAGE_BYTES = 1024 * 1024;

export interface PastPage {
  readonly etag: string;
  /** Undefined where the reader has it already. */
  readonly body: string | undefined;
  /** How many are in it. */
  readonly messages: number;
  /** How long they are. */
  readonly bytes: number;
}

/** @param known the reader's If-None-Match */
export function pageOf(history: TopicHistory, query: PastQuery, known: string): PastPage {
  const { topic, epoch, seq } = history;
  const { after, reason } = startOf(history, query);
  const messages: string[] = [];
  let bytes = 0;
  let last = after;
  for (let kept = history.next(after, query.reading); kept !== undefined; kept = history.next(last, query.reading)) {
    if (messages.length === query.limit) break;
    const text = messageText(kept);
    bytes += Buffer.byteLength(text);
    if (bytes > MAX_PAGE_BYTES && messages.length > 0) break;
    messages.push(text);
    last = kept.seq;
  }
  const hasMore = history.next(last, query.reading) !== undefined;
  const etag = `"${epoch}.${seq}.${after}.${last}.${messages.length}"`;
  if (isKnown(etag, known)) return { etag, body: undefined, messages: 0, bytes: 0 };
  const about = JSON.stringify({ topic, epoch, seq: hasMore ? last : seq, ...(reason && { reason }), more: hasMore });
  const body = `${about.slice(0, -1)},"messages":[${messages.join(',')}]}\n`;
  return { etag, body, messages: messages.length, bytes };
}

/** Where the messages begin, and why that is not where the reader wanted it. */
function startOf(
  history: TopicHistory,
  { since, epoch, limit, reading }: PastQuery,
): { readonly after: number; readonly reason?: string } {
  if (since === undefined) {
    return { after: history.beginningOf(reading === 'newest' ? 'last' : limit).after };
  }
  const reason = history.check({ epoch: epoch ?? history.epoch, seq: since });
  return reason === undefined ? { after: since } : { after: history.floor, reason };
}

/** A message of a state that came while what numbers it is away has no `seq`. */
function messageText(kept: Kept): string {
  const { body, from, key } = kept;
  const seq = numberOf(kept);
  const about = JSON.stringify({ ...(seq > 0 && { seq }), from, key }).slice(1, -1);
  return `{${about}${about && ','}"data":${withoutId(body)}}`;
}

/** RFC 9110, 13.1.2: `*`, or a list of tags, of which a weak one is as good. */
function isKnown(etag: string, known: string): boolean {
  if (known.trim() === '*') return true;
  return known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

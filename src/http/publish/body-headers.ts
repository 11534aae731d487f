// What a publish's headers say of its body: the frame it goes out as, and why it cannot be published as it is.
import { type Refusal, Refused } from '../../protocol/codes.js';
import { clip, type Request } from '../../relay/door/routes.js';

/** What a body goes out as; `undeclared` is what curl -d sends without a word about the type: text, unless it is
 *  none. */
export type FrameKind = 'text' | 'binary' | 'undeclared';

/** Why a body cannot be published as it is, by the request's headers. */
export function unreadableBody(request: Request): Refusal | undefined {
  const transfer = request.header('transfer-encoding').toLowerCase();
  if (transfer !== '' && transfer !== 'chunked') {
    const message = `the only Transfer-Encoding is chunked, got ${JSON.stringify(clip(transfer))}`;
    return { ...Refused.bodyTransfer, message };
  }
  if (request.header('trailer') !== '') {
    return Refused.bodyTrailer;
  }
  const coding = request.header('content-encoding').trim().toLowerCase();
  if (coding !== '' && coding !== 'identity') {
    const message = `a body goes out as it is, so it is taken without Content-Encoding, got ${JSON.stringify(clip(coding))}`;
    return { ...Refused.bodyEncoding, message };
  }
  const type = request.header('content-type');
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(type)?.[1] ?? 'utf-8';
  if (frameOf(type) === 'binary' || /^(utf-?8|us-ascii)$/i.test(charset)) return undefined;
  const message = `a text body must be UTF-8, got charset ${JSON.stringify(clip(charset))}`;
  return { ...Refused.bodyCharset, message };
}

const TEXT_TYPE = /^(?:text\/.*|application\/(?:json|xml|x-ndjson|ndjson|javascript|yaml|.*\+(?:json|xml|yaml)))$/;

/** Text goes out as a text frame, everything else as a binary one. */
export function frameOf(contentType: string): FrameKind {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  if (type === 'application/x-www-form-urlencoded') return 'undeclared';
  return TEXT_TYPE.test(type) ? 'text' : 'binary';
}

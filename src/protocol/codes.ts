// Every code that is sent over the wire: close codes, refusals, and errors of a single op or line. The codes that
// commands end with are in base/error-codes.ts; `npm run docs` prints both into docs/errors.md.
import type { RetryAdvice } from './ops.js';

/** WebSocket close codes that the relay sends: when, and what a client does then. 1xxx are RFC 6455's, 4xxx are ours. A
 *  new one is an entry here and a call where it is sent; `npm run docs` prints the table. */
export const CLOSES = {
  policy: {
    code: 1008,
    when: 'it broke a rate limit, or does not speak the protocol',
    client: 'mends itself; reconnects with backoff',
  },
  tooBig: { code: 1009, when: 'a frame over `--max-payload`', client: 'sends less' },
  restart: {
    code: 1012,
    when: 'the relay restarts (drain), or its token has other permissions now',
    client: 'reconnects at the time that `drain` gave, else with backoff',
  },
  slowConsumer: { code: 1013, when: 'slow consumer', client: 'reconnects with backoff, recovers' },
  unauthenticated: {
    code: 4401,
    when: 'its token is missing, expired or revoked',
    client: 'gets a new token, reconnects',
  },
  forbiddenTopic: { code: 4403, when: 'its token forbids the topic (raw mode)', client: 'does not retry' },
} as const satisfies Record<string, CloseMeaning>;

interface CloseMeaning {
  readonly code: number;
  readonly when: string;
  readonly client: string;
}

/** The close codes by name. */
export const Close = Object.fromEntries(Object.entries(CLOSES).map(([name, { code }]) => [name, code])) as {
  readonly [Name in keyof typeof CLOSES]: (typeof CLOSES)[Name]['code'];
};

/** A refusal of a request, an upgrade or an op: what HTTP answers, and the stable code a program can test. */
interface RefusalOf<Code extends string> {
  readonly status: 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 426 | 429 | 500 | 501 | 503;
  readonly code: Code;
  readonly message: string;
  /** Seconds until a retry makes sense: the refusal is temporary. */
  readonly retryAfterS?: number;
  /** A new token may help, the same one does not. A refusal with neither field is final. */
  readonly authenticate?: true;
}

/** Everything that the relay refuses. If the limit or value is known only at run time, the caller replaces `message`
 *  and keeps the rest. */
export const Refused = {
  tokenMissing: refusal(
    401,
    'FANWIRE_TOKEN_MISSING',
    'a token is required: Authorization: Bearer, ?token= or subprotocol',
    'authenticate',
  ),
  tokenMalformed: refusal(401, 'FANWIRE_TOKEN_MALFORMED', 'the token is not a signed JWT', 'authenticate'),
  tokenTooLarge: refusal(401, 'FANWIRE_TOKEN_TOO_LARGE', 'the token is larger than 8192 bytes', 'authenticate'),
  tokenUnknown: refusal(401, 'FANWIRE_TOKEN_UNKNOWN', 'the token is not known here', 'authenticate'),
  tokenAlgorithm: refusal(
    401,
    'FANWIRE_TOKEN_ALGORITHM',
    'the token is signed with an algorithm that is not accepted',
    'authenticate',
  ),
  tokenKeyUnknown: refusal(
    401,
    'FANWIRE_TOKEN_KEY_UNKNOWN',
    'no known key matches the key id of the token',
    'authenticate',
  ),
  tokenSignature: refusal(401, 'FANWIRE_TOKEN_SIGNATURE', 'the signature of the token does not verify', 'authenticate'),
  tokenExpired: refusal(401, 'FANWIRE_TOKEN_EXPIRED', 'the token has expired', 'authenticate'),
  tokenNotYetValid: refusal(401, 'FANWIRE_TOKEN_NOT_YET_VALID', 'the token is not valid yet; check the clocks', 5),
  tokenIssuer: refusal(401, 'FANWIRE_TOKEN_ISSUER', 'the issuer of the token is not accepted', 'authenticate'),
  tokenAudience: refusal(401, 'FANWIRE_TOKEN_AUDIENCE', 'the token is meant for another audience', 'authenticate'),
  tokenClaims: refusal(401, 'FANWIRE_TOKEN_CLAIMS', 'a claim of the token has an unusable value', 'authenticate'),
  keysUnavailable: refusal(503, 'FANWIRE_KEYS_UNAVAILABLE', 'the keys that verify tokens cannot be fetched now', 5),
  subscribeForbidden: refusal(
    403,
    'FANWIRE_SUBSCRIBE_FORBIDDEN',
    'the token does not permit subscribing to this topic',
  ),
  publishForbidden: refusal(403, 'FANWIRE_PUBLISH_FORBIDDEN', 'the token does not permit publishing to this topic'),
  originForbidden: refusal(403, 'FANWIRE_ORIGIN_FORBIDDEN', 'pages of this origin may not connect'),
  relayFull: refusal(503, 'FANWIRE_MAX_CONNECTIONS', 'the relay holds as many connections as it may', 5),
  addressFull: refusal(429, 'FANWIRE_ADDRESS_FULL', 'too many connections from your address', 10),
  handshakeRate: refusal(503, 'FANWIRE_HANDSHAKE_RATE', 'too many connections are opening at once', 1),
  publishRate: refusal(429, 'FANWIRE_PUBLISH_RATE', 'you publish faster than you may', 1),
  opRate: refusal(429, 'FANWIRE_OP_RATE', 'you ask more of the relay than --max-op-rate allows', 1),
  publishBusy: refusal(503, 'FANWIRE_PUBLISH_BUSY', 'the relay holds as many request bodies as it may', 1),
  bodyUtf8: refusal(400, 'FANWIRE_BODY_UTF8', 'a text body must be UTF-8; send binary as application/octet-stream'),
  failed: refusal(500, 'FANWIRE_INTERNAL', 'this failed inside the relay; its log says why', 5),
  draining: refusal(503, 'FANWIRE_DRAINING', 'the relay is stopping; another one will take over', 5),
  tooManySubscriptions: refusal(
    429,
    'FANWIRE_TOO_MANY_SUBSCRIPTIONS',
    'this connection is subscribed to as many topics as it may be; leave one first',
    5,
  ),
  unconfirmed: refusal(
    503,
    'FANWIRE_UNCONFIRMED',
    'the message may or may not have been published: what numbers its topic has ended, or does not know its id',
  ),
  presenceOff: refusal(404, 'FANWIRE_PRESENCE_OFF', 'presence is not on for this topic (see --presence)'),
  notKept: refusal(
    404,
    'FANWIRE_NOT_KEPT',
    'neither --history nor --state keeps this topic: there is nothing to begin with; leave the rewind out',
  ),
  authBusy: refusal(429, 'FANWIRE_AUTH_BUSY', 'the token sent before is still being checked', 1),
  otherUser: refusal(
    403,
    'FANWIRE_AUTH_OTHER_USER',
    'the token is for another user; open a new connection for it',
    'authenticate',
  ),
  tooManyTopics: refusal(503, 'FANWIRE_TOO_MANY_TOPICS', 'the relay holds as many topics as it may', 5),
  // The name of a topic, in a path or an op.
  topicName: refusal(400, 'FANWIRE_TOPIC_NAME', 'no topic can have this name'),
  topicEncoding: refusal(400, 'FANWIRE_TOPIC_ENCODING', 'the path is no percent-encoded UTF-8'),
  // An upgrade.
  notAnUpgrade: refusal(
    426,
    'FANWIRE_UPGRADE_REQUIRED',
    'this is a WebSocket endpoint: open ws://…/<topic>, for example with `fanwire sub`',
  ),
  wsConnection: refusal(400, 'FANWIRE_WS_CONNECTION', 'an upgrade request has the header Connection: Upgrade'),
  wsVersion: refusal(426, 'FANWIRE_WS_VERSION', 'Sec-WebSocket-Version must be 13 (RFC 6455)'),
  wsQuery: refusal(400, 'FANWIRE_WS_QUERY', 'the query of the upgrade has a value that cannot be'),
  subprotocol: refusal(
    400,
    'FANWIRE_SUBPROTOCOL',
    'Sec-WebSocket-Protocol offers fanwire.v1 or fanwire.raw, or is left out',
  ),
  fileLimit: refusal(503, 'FANWIRE_FILE_LIMIT', 'the relay has as many sockets open as its open-file limit allows', 5),
  // A request.
  noRoute: refusal(404, 'FANWIRE_NO_ROUTE', 'nothing answers this path here'),
  method: refusal(405, 'FANWIRE_METHOD', 'the path is not asked by this method'),
  noAnswer: refusal(503, 'FANWIRE_NO_ANSWER', 'the relay found no answer in time; try again later', 5),
  publishQuery: refusal(400, 'FANWIRE_PUBLISH_QUERY', 'the query of a publish has a value that cannot be'),
  pastQuery: refusal(400, 'FANWIRE_PAST_QUERY', 'the query of a history or a state has a value that cannot be'),
  payloadTooLarge: refusal(
    413,
    'FANWIRE_PAYLOAD_TOO_LARGE',
    'the body is larger than --max-payload, or than a batch may be',
  ),
  bodySlow: refusal(408, 'FANWIRE_BODY_SLOW', 'the body did not arrive in time'),
  bodyLength: refusal(400, 'FANWIRE_BODY_LENGTH', 'the request has two lengths: send one Content-Length'),
  bodyTransfer: refusal(501, 'FANWIRE_BODY_TRANSFER', 'the only Transfer-Encoding is chunked'),
  bodyTrailer: refusal(400, 'FANWIRE_BODY_TRAILER', 'a body with trailers is not taken; leave them out'),
  bodyEncoding: refusal(
    415,
    'FANWIRE_BODY_ENCODING',
    'a body goes out as it is, so it is taken without Content-Encoding',
  ),
  bodyCharset: refusal(415, 'FANWIRE_BODY_CHARSET', 'a text body must be UTF-8'),
  // The admin listener.
  adminToken: refusal(401, 'FANWIRE_ADMIN_TOKEN', 'this needs the --admin-token, as Authorization: Bearer or ?token='),
  adminHost: refusal(
    403,
    'FANWIRE_ADMIN_HOST',
    'without an --admin-token this answers to localhost, 127.0.0.1 and [::1] only; ask by one of them, or set a token',
  ),
  adminQuery: refusal(400, 'FANWIRE_ADMIN_QUERY', 'the query has a value that cannot be'),
  noConnection: refusal(404, 'FANWIRE_NO_CONNECTION', 'no connection has this id'),
} as const satisfies Record<string, RefusalOf<string>>;

export type RefusalCode = (typeof Refused)[keyof typeof Refused]['code'];

/** A refusal with a code of the table. */
export type Refusal = RefusalOf<RefusalCode>;

/** What is wrong with one op, or one line of a batch; the others are read. Never mended by a retry. */
export const Invalid = {
  opJson: invalid('FANWIRE_OP_JSON', 'a frame is not one JSON object'),
  opUnknown: invalid('FANWIRE_OP_UNKNOWN', 'there is no op of this name'),
  opField: invalid('FANWIRE_OP_FIELD', 'a field of an op is missing, or has a value that cannot be'),
  opDepth: invalid('FANWIRE_OP_DEPTH', 'the `data` of a `pub` nests too deep'),
  opBinary: invalid('FANWIRE_OP_BINARY', 'fanwire.v1 takes text frames'),
  batchJson: invalid('FANWIRE_BATCH_JSON', 'a line of a batch is not one JSON object'),
  batchField: invalid('FANWIRE_BATCH_FIELD', 'a field of a line is missing, or has a value that cannot be'),
} as const;

/** Every stable code of the wire. */
export type WireCode = RefusalCode | (typeof Invalid)[keyof typeof Invalid]['code'];

function invalid<Code extends `FANWIRE_${string}`>(code: Code, meaning: string): { code: Code; meaning: string } {
  return { code, meaning };
}

/** @param retry seconds after which to try again, or what helps; without it the refusal is final */
function refusal<Code extends `FANWIRE_${string}`>(
  status: RefusalOf<Code>['status'],
  code: Code,
  message: string,
  retry?: number | 'authenticate',
): RefusalOf<Code> {
  if (retry === undefined) return { status, code, message };
  return retry === 'authenticate'
    ? { status, code, message, authenticate: true }
    : { status, code, message, retryAfterS: retry };
}

/** The advice on a retry, the same on the wire and over HTTP, as fields of the error. */
export function retryAdvice({ retryAfterS, authenticate }: Refusal): RetryAdvice {
  if (retryAfterS !== undefined) return { retryAfterMs: retryAfterS * 1000 };
  return authenticate ? { authenticate } : {};
}

// Sockets that the relay or uWS closes for what their clients did; each is counted by reason and logged (sampled).

import type { SampledWarnings } from '../../base/log.js';
import type { RelayConfig } from '../../config/schema.js';
import { Close, type Refusal, Refused, retryAdvice } from '../../protocol/codes.js';
import { errorFrame } from '../../protocol/frames.js';
import { closeReason, utf8 } from '../bytes.js';
import type { Connection } from '../fanout/audience.js';
import type { Counters, CutReason } from '../watch/counters.js';
import type { CloseCause } from './close-cause.js';

const INVALID_FRAME = 'Received invalid WebSocket frame';

/** uWS's reasons for closing a socket, and their names here. `Received invalid close payload` is left out: uWS gives
 *  it for codes 3000 to 3999 too, which applications may use (RFC 6455, 7.4.2). */
const CUT_REASONS: Record<string, CutReason> = {
  'Received too big message': 'tooBig',
  // Broken, or larger than --max-payload once inflated: uWS does not say which.
  'Received too big message, or other inflation error': 'compression',
  'Received invalid UTF-8': 'badUtf8',
  'WebSocket timed out from inactivity': 'idle',
  [INVALID_FRAME]: 'protocol',
};

export class Cuts {
  constructor(
    private readonly config: Pick<RelayConfig, 'maxPayloadBytes' | 'overPublishLimit'>,
    private readonly counters: Counters,
    private readonly warnings: SampledWarnings,
  ) {}

  tooBig(connection: Connection, size: number): void {
    const limit = this.config.maxPayloadBytes;
    this.counters.cut.tooBig++;
    this.warnings.warn('message too big', { id: connection.id, bytes: size, limit });
    connection.ws?.end(Close.tooBig, closeReason(`a message is at most ${limit} bytes, got ${size}`));
  }

  /** Handles a message that a raw socket may not publish: closes the socket, or drops the message if configured so. */
  mayNotPublish(connection: Connection, refusal: Refusal): void {
    const isRate = refusal === Refused.publishRate;
    if (isRate && this.config.overPublishLimit === 'drop') return;
    this.counters.cut[isRate ? 'rate' : 'forbidden']++;
    const { id, remoteAddress, topic } = connection;
    this.warnings.warn('publish refused', { id, address: remoteAddress, topic: topic?.name, code: refusal.code });
    connection.ws?.end(isRate ? Close.policy : Close.forbiddenTopic, closeReason(refusal.message));
  }

  /** Closes a socket that asks more of the relay than --max-op-rate allows. An enveloped one is told why first. */
  overOps(connection: Connection): void {
    const { code, message } = Refused.opRate;
    const { ws, id, remoteAddress, user } = connection;
    if (ws === undefined) return;
    this.counters.cut.ops++;
    this.warnings.warn('too many ops or control frames', { id, address: remoteAddress, user, code });
    if (connection.session !== undefined) {
      ws.send(utf8(errorFrame({ code, message, ...retryAdvice(Refused.opRate) })), false);
    }
    ws.end(Close.policy, closeReason(message));
  }

  /** Closes a socket that endlessly sends frames without content. */
  flooded(connection: Connection): void {
    this.counters.cut.ops++;
    this.warnings.warn('a flood of empty frames', { id: connection.id, address: connection.remoteAddress });
    connection.ws?.end(Close.policy, closeReason(Refused.opRate.message));
  }

  /** Closes a socket that sends frame after frame that is no op of fanwire.v1. */
  malformed(connection: Connection, code: string): void {
    this.counters.cut.protocol++;
    this.warnings.warn('no fanwire.v1', { id: connection.id, address: connection.remoteAddress, code });
    connection.ws?.end(Close.policy, closeReason('too many frames in a row that are no fanwire.v1 ops'));
  }

  /** Closes an enveloped socket that goes on asking and does not read its answers. */
  readsNoAnswers(connection: Connection): void {
    this.counters.slowConsumers++;
    this.warnings.warn('slow consumer closed', { id: connection.id, address: connection.remoteAddress });
    connection.ws?.end(Close.slowConsumer, closeReason('slow consumer: answers are not read'));
  }

  /** Closes a socket that was let in only to be told why it is refused. */
  refused(connection: Connection, { code, message }: Refusal): void {
    this.counters.refuse(code);
    this.warnings.warn('token refused', { id: connection.id, address: connection.remoteAddress, code });
    connection.ws?.end(Close.unauthenticated, closeReason(`${code}: ${message}`));
  }

  /** Closes a socket whose identity no longer holds. Not as unauthenticated where its token still does: clients give
   *  up then. */
  expired({ identity, ws }: Connection): void {
    this.counters.cut.expired++;
    if (identity.isReplaced) ws?.end(Close.restart, closeReason('the token has other permissions now: connect again'));
    else ws?.end(Close.unauthenticated, closeReason('the token has expired or was revoked'));
  }

  /** Closes a socket on an administrator's request. */
  kicked(connection: Connection): void {
    this.counters.cut.kicked++;
    connection.ws?.end(Close.policy, closeReason('closed by an administrator'));
  }

  /** Counts a close with 1006 that uWS made by itself, by the reason that it gives or that a test finds. Undefined
   *  if the reason is not one that is counted. */
  byUws(connection: Connection, given: ArrayBuffer, cause: CloseCause): CutReason | undefined {
    const uwsReason = given.byteLength > 0 ? Buffer.from(given).toString() : cause.isFrame() ? INVALID_FRAME : '';
    const reason = CUT_REASONS[uwsReason];
    if (reason === undefined) return undefined;
    this.counters.cut[reason]++;
    const { id, remoteAddress, user } = connection;
    this.warnings.warn('connection cut', { id, address: remoteAddress, user, reason: uwsReason });
    return reason;
  }

  /** Counts messages of a socket that was cut for an invalid frame in the same read: most likely they were misread. */
  withheld({ id, remoteAddress, user }: Connection, messages: number): void {
    if (messages === 0) return;
    this.counters.withheld += messages;
    this.warnings.warn('first messages withheld: does this client mask its frames?', {
      id,
      address: remoteAddress,
      user,
      messages,
    });
  }
}

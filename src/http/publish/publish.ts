// The publish API on the relay port: POST /publish/<topic>, and a batch as NDJSON by POST /publish. The same tokens,
// permissions and rates hold as for WebSockets.
import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import { type Identity, isRefusal } from '../../auth/auth.js';
import type { Bus } from '../../bus/bus.js';
import { together } from '../../bus/census.js';
import type { RelayConfig } from '../../config/schema.js';
import { type Refusal, Refused } from '../../protocol/codes.js';
import { isKey, MAX_KEY_BYTES } from '../../protocol/envelope.js';
import { queryValue } from '../../protocol/query.js';
import { parseTopicPath } from '../../protocol/topic-name.js';
import type { Publisher, PublishGuard } from '../../relay/budget/publish-guard.js';
import type { Access, Applicant } from '../../relay/door/access.js';
import { type Answer, json, refused } from '../../relay/door/answer.js';
import { BodyBudget, type BodyRefusal, type HeldBody } from '../../relay/door/body.js';
import type { HttpRoutes, Request } from '../../relay/door/routes.js';
import { ByClient } from '../by-client.js';
import { type FrameKind, frameOf, unreadableBody } from './body-headers.js';
import { type Confirm, type ConfirmingRelay, PublishConfirmation, readConfirm } from './confirmation.js';
import { batchLines, parseBatchLine } from './publish-batch.js';

const PATH = '/publish';
/** Bodies in memory over all requests: this much, and room for a few of the largest. */
const MIN_BODY_BUDGET_BYTES = 16 * 1024 * 1024;
const BODY_BUDGET_REQUESTS = 4;
/** Lines of a batch published before the loop gets a turn: others' messages do not wait for a whole batch. */
const LINES_PER_TURN = 64;
/** Rejected lines that an answer lists; all of them are counted. */
const MAX_REJECTED_LISTED = 100;

/** A request as far as it must be read inside its handler. */
interface PublishRequest {
  readonly applicant: Applicant;
  /** The topic of the path; undefined for a batch. */
  readonly topic: string | undefined;
  readonly frame: FrameKind;
  readonly confirm: Confirm;
  /** What tells messages apart where only the newest of each is delivered; a batch names one a line. */
  readonly key: string | undefined;
}

/** What the publish API asks of a relay. */
export interface PublishTarget extends ConfirmingRelay {
  addRoutes(add: (routes: HttpRoutes) => void): void;
  readonly access: Access;
  readonly guard: PublishGuard;
  readonly bus: Pick<Bus, 'survey' | 'confirm'>;
  isDraining(): boolean;
  /** Counts and logs (sampled) the refusal of a request. */
  countRefusal(refusal: Refusal): void;
}

export class PublishApi {
  private readonly budget: BodyBudget;
  private readonly publishers = new ByClient<Publisher>(() => ({ budget: undefined }));

  constructor(
    private readonly relay: PublishTarget,
    private readonly config: Pick<RelayConfig, 'maxPayloadBytes' | 'maxBatchBytes' | 'cluster'>,
  ) {
    const largest = Math.max(config.maxPayloadBytes, config.maxBatchBytes);
    this.budget = new BodyBudget(Math.max(MIN_BODY_BUDGET_BYTES, BODY_BUDGET_REQUESTS * largest));
  }

  /** Adds the routes to the relay's. */
  attach(): void {
    this.relay.addRoutes((routes) => {
      for (const path of [PATH, `${PATH}/*`]) routes.add(path, { POST: (request) => this.handle(request) });
    });
  }

  private handle(request: Request): Answer | Promise<Answer> {
    const read = this.read(request);
    if ('status' in read) return this.refuse(read, true);
    const body = request.body(
      read.topic === undefined ? this.config.maxBatchBytes : this.config.maxPayloadBytes,
      this.budget,
    );
    return this.publish(read, body, Promise.resolve(this.relay.access.identify(read.applicant)));
  }

  private read(request: Request): PublishRequest | Refusal {
    if (this.relay.isDraining()) return Refused.draining;
    const { req, res } = request.source;
    const applicant = this.relay.access.read(res, req);
    if ('status' in applicant) return applicant;
    const unreadable = unreadableBody(request);
    if (unreadable !== undefined) return unreadable;
    const frame = frameOf(request.header('content-type'));
    const confirm = readConfirm(queryValue(request.query, 'confirm') ?? '', this.config.cluster.length > 0);
    if (typeof confirm !== 'string') return confirm;
    const ofHeader = request.header('fanwire-key');
    if (/[^\x20-\x7e]/.test(ofHeader)) return HEADER_KEY;
    const key = queryValue(request.query, 'key') ?? (ofHeader || undefined);
    if (ofHeader !== '' && key !== ofHeader) return TWO_KEYS;
    if (key !== undefined && !isKey(key)) return BAD_KEY;
    const { path } = request;
    if (path === PATH && key !== undefined) return BATCH_KEY;
    if (path === PATH) return { applicant, topic: undefined, frame, confirm, key };
    const parsed = parseTopicPath(path.slice(PATH.length));
    return 'status' in parsed ? parsed : { applicant, topic: parsed.topic, frame, confirm, key };
  }

  private async publish(
    request: PublishRequest,
    reading: Promise<HeldBody | BodyRefusal>,
    identifying: Promise<Identity | Refusal>,
  ): Promise<Answer> {
    const [body, identity] = await Promise.all([reading, identifying]);
    if ('refusal' in body) return this.refuse(body.refusal, body.unread);
    try {
      if (isRefusal(identity)) return this.refuse(identity, false);
      return request.topic === undefined
        ? await this.publishBatch(request, identity, body)
        : await this.publishOne(request, identity, request.topic, body);
    } finally {
      body.release();
    }
  }

  private async publishOne(
    { applicant, frame, confirm, key }: PublishRequest,
    identity: Identity,
    topic: string,
    body: HeldBody,
  ): Promise<Answer> {
    const isText = frame !== 'binary' && isUtf8(body.bytes);
    if (frame === 'text' && !isText) return this.refuse(Refused.bodyUtf8, false);
    const confirmation = new PublishConfirmation(this.relay, confirm);
    await confirmation.before(topic);
    const refusal = this.refusalOf(applicant, identity, topic, body.bytes.length);
    if (refusal !== undefined) return this.refuse(refusal, false);
    const here = confirmation.publish(topic, body.bytes, !isText, key);
    // Those of the other workers; other nodes are not asked, which would take longer than publishing.
    const elsewhere = this.relay.bus.survey({ topic, wants: 'count', reach: 'process' });
    const [unconfirmed, censuses] = await Promise.all([confirmation.refusal(), elsewhere]);
    if (unconfirmed !== undefined) return this.refuse(unconfirmed, false);
    const { seq } = confirmation;
    const subscribers = here + together(censuses).subscribers;
    return json(202, { topic, subscribers, frame: isText ? 'text' : 'binary', ...(seq > 0 && { seq }) });
  }

  private async publishBatch(
    { applicant, confirm }: PublishRequest,
    identity: Identity,
    body: HeldBody,
  ): Promise<Answer> {
    if (!isUtf8(body.bytes)) return this.refuse(Refused.bodyUtf8, false);
    const confirmation = new PublishConfirmation(this.relay, confirm);
    await confirmation.before('');
    let accepted = 0;
    let rejectedTotal = 0;
    let lines = 0;
    const rejected: { line: number; code: string; message: string }[] = [];
    for (const { number, line } of batchLines(body.bytes)) {
      if (++lines % LINES_PER_TURN === 0) await setImmediate();
      const problem = this.publishLine(applicant, identity, line, confirmation);
      if (problem === undefined) accepted++;
      else if (++rejectedTotal <= MAX_REJECTED_LISTED) rejected.push({ line: number, ...problem });
    }
    const unconfirmed = await confirmation.refusal();
    if (unconfirmed !== undefined) return this.refuse(unconfirmed, false);
    return json(202, rejectedTotal > rejected.length ? { accepted, rejected, rejectedTotal } : { accepted, rejected });
  }

  private publishLine(
    applicant: Applicant,
    identity: Identity,
    line: string,
    confirmation: PublishConfirmation,
  ): { code: string; message: string } | undefined {
    const parsed = parseBatchLine(line);
    if ('code' in parsed) return parsed;
    const bytes = parsed.bytes ?? Buffer.from(parsed.text);
    const { maxPayloadBytes } = this.config;
    if (bytes.length > maxPayloadBytes) {
      return {
        code: Refused.payloadTooLarge.code,
        message: `data has ${bytes.length} bytes, at most ${maxPayloadBytes}`,
      };
    }
    const refusal = this.refusalOf(applicant, identity, parsed.topic, bytes.length);
    if (refusal !== undefined) return { code: refusal.code, message: refusal.message };
    confirmation.publish(parsed.topic, bytes, parsed.bytes !== undefined, parsed.key);
    return undefined;
  }

  private refusalOf(applicant: Applicant, identity: Identity, topic: string, bytes: number): Refusal | undefined {
    const { guard, isDraining } = this.relay;
    if (isDraining()) return Refused.draining;
    if (!guard.isNeeded) return undefined;
    return guard.check(this.publishers.of(identity, applicant.address), identity.canPublish(topic), bytes);
  }

  /** @param unread whether the rest of the body is still to come: then the connection ends with the answer */
  private refuse(refusal: Refusal, unread: boolean): Answer {
    this.relay.countRefusal(refusal);
    const answer = refused(refusal);
    const headers = refusal.status === 415 ? { ...answer.headers, 'Accept-Encoding': 'identity' } : answer.headers;
    return { ...answer, headers, close: unread || answer.close === true };
  }
}

/** uWS takes bytes beyond ASCII at either end of a header for spaces, and leaves them out. */
const HEADER_KEY: Refusal = {
  ...Refused.publishQuery,
  message: 'the header Fanwire-Key is ASCII; name other keys by ?key=, percent-encoded',
};

const TWO_KEYS: Refusal = {
  ...Refused.publishQuery,
  message: '?key= and the header Fanwire-Key name two keys; a message has one',
};

const BATCH_KEY: Refusal = {
  ...Refused.publishQuery,
  message: 'a batch has no one key: name it in each line, {"topic":…,"key":…,"data":…}',
};

const BAD_KEY: Refusal = {
  ...Refused.publishQuery,
  message: `"key" has 1 to ${MAX_KEY_BYTES} bytes of UTF-8`,
};

// The publish API on the relay port: POST /publish/<topic>, and a batch as NDJSON by POST /publish. The same tokens,
// permissions and rates hold as for WebSockets.
import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import { type Identity, isRefusal } from '../../auth/auth.js';
import type { Logger } from '../../base/log.js';
import type { Bus } from '../../bus/bus.js';
import { together } from '../../bus/census.js';
import type { RelayConfig } from '../../config/schema.js';
import { type Refusal, Refused } from '../../protocol/codes.js';
import { parseTopicPath } from '../../protocol/topic-name.js';
import type { PublishGuard } from '../../relay/budget/publish-guard.js';
import type { Access, Asker } from '../../relay/door/access.js';
import type { Routes } from '../../relay/entrance.js';
import type { RequestCount } from '../../relay/exit/requests.js';
import type { HttpRequest, HttpResponse } from '../../relay/uws.js';
import { type Answer, INTERNAL_ERROR, json, refused, send } from '../respond.js';
import { BodyBudget, type HeldBody, readBody } from './body.js';
import { type Confirm, Confirmation, type ConfirmingRelay, readConfirm } from './confirmation.js';
import { batchLines, parseBatchLine } from './publish-batch.js';
import { Publishers } from './publishers.js';

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
  readonly asker: Asker;
  /** The topic of the path; undefined for a batch. */
  readonly topic: string | undefined;
  readonly isText: boolean;
  readonly confirm: Confirm;
}

/** What the publish API asks of a relay. */
export interface PublishTarget extends ConfirmingRelay {
  addRoutes(routes: Routes): void;
  readonly requests: RequestCount;
  readonly access: Access;
  readonly guard: PublishGuard;
  readonly bus: Pick<Bus, 'survey' | 'confirm'>;
  isDraining(): boolean;
  /** Counts and logs (sampled) the refusal of a request. */
  countRefusal(refusal: Refusal): void;
}

export class PublishApi {
  private readonly budget: BodyBudget;
  private readonly publishers = new Publishers();

  constructor(
    private readonly relay: PublishTarget,
    private readonly config: Pick<RelayConfig, 'maxPayloadBytes' | 'maxBatchBytes' | 'cluster'>,
    private readonly log: Logger,
  ) {
    const largest = Math.max(config.maxPayloadBytes, config.maxBatchBytes);
    this.budget = new BodyBudget(Math.max(MIN_BODY_BUDGET_BYTES, BODY_BUDGET_REQUESTS * largest));
  }

  /** Adds the routes to the relay's port. */
  attach(): void {
    this.relay.addRoutes(({ app }) => {
      for (const path of [PATH, `${PATH}/*`]) {
        app.post(path, (res, req) => this.handle(res, req));
        app.options(path, (res, req) => this.preflight(res, req));
      }
    });
  }

  private handle(res: HttpResponse, req: HttpRequest): void {
    const cors = corsHeaders(req.getHeader('origin'));
    const request = this.read(res, req);
    if ('status' in request) {
      const announced = Number(req.getHeader('content-length') || Number.POSITIVE_INFINITY);
      const visible = request === Refused.originForbidden ? {} : cors;
      this.answer(res, refused(this.count(request)), visible, announced > this.config.maxPayloadBytes);
      return;
    }
    const ended = this.relay.requests.begin();
    const { body, aborted } = readBody(
      res,
      request.topic === undefined ? this.config.maxBatchBytes : this.config.maxPayloadBytes,
      this.budget,
      ended,
    );
    const outcome = Promise.resolve(this.relay.access.identify(request.asker));
    this.publish(request, body, outcome)
      .catch((error: unknown) => {
        this.log.error({ err: error }, 'HTTP publish failed');
        return { answer: INTERNAL_ERROR, unread: true };
      })
      .then(({ answer, unread }) => {
        if (!aborted()) res.cork(() => this.answer(res, answer, cors, unread));
        ended();
      });
  }

  private read(res: HttpResponse, req: HttpRequest): PublishRequest | Refusal {
    if (this.relay.isDraining()) return Refused.draining;
    const asker = this.relay.access.read(res, req);
    if ('status' in asker) return asker;
    const isText = isTextType(req.getHeader('content-type'));
    const confirm = readConfirm(req.getQuery('confirm') ?? '', this.config.cluster.length > 0);
    if (typeof confirm !== 'string') return confirm;
    const url = req.getUrl();
    if (url === PATH) return { asker, topic: undefined, isText, confirm };
    const parsed = parseTopicPath(url.slice(PATH.length));
    return 'status' in parsed ? parsed : { asker, topic: parsed.topic, isText, confirm };
  }

  private async publish(
    request: PublishRequest,
    reading: ReturnType<typeof readBody>['body'],
    identifying: Promise<Identity | Refusal>,
  ): Promise<{ answer: Answer; unread: boolean }> {
    const [body, identity] = await Promise.all([reading, identifying]);
    if ('refusal' in body) return { answer: refused(this.count(body.refusal)), unread: body.unread };
    try {
      if (isRefusal(identity)) return { answer: refused(this.count(identity)), unread: false };
      const answer =
        request.topic === undefined
          ? await this.publishBatch(request, identity, body)
          : await this.publishOne(request, identity, request.topic, body);
      return { answer, unread: false };
    } finally {
      body.release();
    }
  }

  private async publishOne(
    { asker, isText, confirm }: PublishRequest,
    identity: Identity,
    topic: string,
    body: HeldBody,
  ): Promise<Answer> {
    if (isText && !isUtf8(body.bytes)) return refused(this.count(Refused.bodyUtf8));
    const confirmation = new Confirmation(this.relay, confirm);
    await confirmation.before(topic);
    const refusal = this.refusalOf(asker, identity, topic, body.bytes.length);
    if (refusal !== undefined) return refused(this.count(refusal));
    const here = confirmation.publish(topic, body.bytes, !isText);
    // Those of the other workers; other nodes are not asked, which would take longer than publishing.
    const elsewhere = this.relay.bus.survey({ topic, wants: 'count', reach: 'process' });
    const [unconfirmed, censuses] = await Promise.all([confirmation.refusal(), elsewhere]);
    if (unconfirmed !== undefined) return refused(this.count(unconfirmed));
    const { seq } = confirmation;
    return json(202, { topic, subscribers: here + together(censuses).subscribers, ...(seq > 0 && { seq }) });
  }

  private async publishBatch({ asker, confirm }: PublishRequest, identity: Identity, body: HeldBody): Promise<Answer> {
    if (!isUtf8(body.bytes)) return refused(this.count(Refused.bodyUtf8));
    const confirmation = new Confirmation(this.relay, confirm);
    await confirmation.before('');
    let accepted = 0;
    let rejectedTotal = 0;
    let lines = 0;
    const rejected: { line: number; code: string; message: string }[] = [];
    for (const { number, line } of batchLines(body.bytes)) {
      if (++lines % LINES_PER_TURN === 0) await setImmediate();
      const problem = this.publishLine(asker, identity, line, confirmation);
      if (problem === undefined) accepted++;
      else if (++rejectedTotal <= MAX_REJECTED_LISTED) rejected.push({ line: number, ...problem });
    }
    const unconfirmed = await confirmation.refusal();
    if (unconfirmed !== undefined) return refused(this.count(unconfirmed));
    return json(202, rejectedTotal > rejected.length ? { accepted, rejected, rejectedTotal } : { accepted, rejected });
  }

  private publishLine(
    asker: Asker,
    identity: Identity,
    line: string,
    confirmation: Confirmation,
  ): { code: string; message: string } | undefined {
    const parsed = parseBatchLine(line);
    if ('code' in parsed) return parsed;
    const bytes = parsed.bytes ?? Buffer.from(parsed.text);
    const { maxPayloadBytes } = this.config;
    if (bytes.length > maxPayloadBytes) {
      return {
        code: 'FANWIRE_PAYLOAD_TOO_LARGE',
        message: `data has ${bytes.length} bytes, at most ${maxPayloadBytes}`,
      };
    }
    const refusal = this.refusalOf(asker, identity, parsed.topic, bytes.length);
    if (refusal !== undefined) return { code: refusal.code, message: refusal.message };
    confirmation.publish(parsed.topic, bytes, parsed.bytes !== undefined);
    return undefined;
  }

  private refusalOf(asker: Asker, identity: Identity, topic: string, bytes: number): Refusal | undefined {
    const { guard, isDraining } = this.relay;
    if (isDraining()) return Refused.draining;
    if (!guard.isNeeded) return undefined;
    return guard.check(this.publishers.of(identity, asker.address), identity.canPublish(topic), bytes);
  }

  private count(refusal: Refusal): Refusal {
    this.relay.countRefusal(refusal);
    return refusal;
  }

  private answer(res: HttpResponse, answer: Answer, cors: Answer['headers'], unread: boolean): void {
    send(res, { ...answer, headers: { ...answer.headers, ...cors } }, unread || this.relay.isDraining());
  }

  /** Lets pages of allowed origins publish (CORS); others' browsers do not go on after this. */
  private preflight(res: HttpResponse, req: HttpRequest): void {
    const asker = this.relay.access.read(res, req);
    const cors = corsHeaders(req.getHeader('origin'));
    if ('status' in asker) {
      this.answer(res, refused(this.count(asker)), {}, false);
      return;
    }
    const allowed = {
      'Access-Control-Allow-Methods': 'POST',
      'Access-Control-Allow-Headers': 'Authorization, Content-Type',
      'Access-Control-Max-Age': '600',
    };
    send(res, { status: 204, contentType: '', body: '', headers: { ...cors, ...allowed } });
  }
}

/** Text goes out as a text frame, everything else as a binary one. */
function isTextType(contentType: string): boolean {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  return type.startsWith('text/') || type === 'application/json' || type.endsWith('+json');
}

function corsHeaders(origin: string): Answer['headers'] {
  return origin === '' ? {} : { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' };
}

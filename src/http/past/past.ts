// What is kept of a topic, over HTTP on the relay port: GET /topics/<topic>/state and GET /history/<topic>. Whoever may
// subscribe may read. An answer has an ETag, so that a cache in front, or the reader, asks again for next to nothing.
import { type Identity, isRefusal } from '../../auth/auth.js';
import type { RelayConfig } from '../../config/schema.js';
import { type Refusal, Refused } from '../../protocol/codes.js';
import { parseTopicPath } from '../../protocol/topic-name.js';
import { type Asker, Cost, OpsBudget } from '../../relay/budget/ops-budget.js';
import type { Access, Applicant } from '../../relay/door/access.js';
import { type Answer, type Headers, refused } from '../../relay/door/answer.js';
import type { HttpRoutes, Request } from '../../relay/door/routes.js';
import type { TopicHistory } from '../../relay/history/history.js';
import { ByClient } from '../by-client.js';
import { type PastPage, pageOf } from './past-page.js';
import { HISTORY_QUERY, type PastQuery, readPastQuery, STATE_QUERY } from './past-query.js';

const STATE_PATH = /^\/topics(\/.+)\/state$/;
const HISTORY_PREFIX = '/history';

/** What this API asks of a relay. */
export interface PastTarget {
  addRoutes(add: (routes: HttpRoutes) => void): void;
  readonly access: Access;
  isDraining(): boolean;
  /** Counts and logs (sampled) the refusal of a request. */
  countRefusal(refusal: Refusal): void;
  readonly layer: {
    readonly past: {
      keeps(topic: string): boolean;
      hasRoomFor(topic: string): boolean;
      read<Result>(topic: string, look: (history: TopicHistory) => Result): Promise<Result | undefined>;
    };
  };
}

/** A request as far as it must be read inside its handler. */
interface PastRequest extends PastQuery {
  readonly applicant: Applicant;
  readonly topic: string;
  /** If-None-Match. */
  readonly known: string;
}

const OWNER_AWAY: Refusal = {
  ...Refused.noAnswer,
  message: 'what keeps this topic does not answer; try again later',
};

const NOT_KEPT: Refusal = { ...Refused.notKept, message: 'neither --history nor --state keeps this topic' };

const NO_ROUTE: Refusal = {
  ...Refused.noRoute,
  message: 'of a topic there is /topics/<topic>/state and /history/<topic>',
};

export class PastApi {
  private readonly caching: Headers;
  private readonly readers = new ByClient<Asker>(() => ({ ops: undefined }));
  private readonly budget: OpsBudget<Asker>;

  constructor(
    private readonly relay: PastTarget,
    { auth, maxOpRate }: Pick<RelayConfig, 'auth' | 'maxOpRate'>,
  ) {
    this.budget = new OpsBudget(maxOpRate, () => {});
    // Caches may keep an answer and must ask again each time. They may share it only where everybody may read.
    this.caching = {
      'Cache-Control': `${auth === 'none' ? 'public' : 'private'}, no-cache`,
      Vary: 'Authorization, Origin',
    };
  }

  /** Adds the routes to the relay's. A WebSocket for a topic of that name goes by them. */
  attach(): void {
    this.relay.addRoutes((routes) => {
      routes.add('/topics/*', { GET: (request) => this.state(request) });
      routes.add(`${HISTORY_PREFIX}/*`, { GET: (request) => this.history(request) });
    });
  }

  private state(request: Request): Answer | Promise<Answer> {
    const path = STATE_PATH.exec(request.path)?.[1];
    return path === undefined ? this.refuse(NO_ROUTE) : this.answer(request, path, STATE_QUERY);
  }

  private history(request: Request): Answer | Promise<Answer> {
    return this.answer(request, request.path.slice(HISTORY_PREFIX.length), HISTORY_QUERY);
  }

  private answer(request: Request, path: string, defaults: PastQuery): Answer | Promise<Answer> {
    const read = this.read(request, path, defaults);
    if ('status' in read) return this.refuse(read);
    const identity = this.relay.access.identify(read.applicant);
    return identity instanceof Promise ? identity.then((known) => this.look(read, known)) : this.look(read, identity);
  }

  private read(request: Request, path: string, defaults: PastQuery): PastRequest | Refusal {
    if (this.relay.isDraining()) return Refused.draining;
    const { req, res } = request.source;
    const applicant = this.relay.access.read(res, req);
    if ('status' in applicant) return applicant;
    const query = readPastQuery(request.query, defaults);
    if ('status' in query) return query;
    const parsed = parseTopicPath(path);
    if ('status' in parsed) return parsed;
    return { applicant, topic: parsed.topic, ...query, known: request.list('if-none-match') };
  }

  private async look(request: PastRequest, identity: Identity | Refusal): Promise<Answer> {
    const { applicant, topic, known } = request;
    const { past } = this.relay.layer;
    if (isRefusal(identity)) return this.refuse(identity);
    if (!identity.canSubscribe(topic)) return this.refuse(Refused.subscribeForbidden);
    if (!past.keeps(topic)) return this.refuse(NOT_KEPT);
    if (!past.hasRoomFor(topic)) return this.refuse(Refused.tooManyTopics);
    const reader = this.readers.of(identity, applicant.address);
    if (!this.budget.pay(reader, Cost.read)) return this.refuse(Refused.opRate);
    const page = await past.read(topic, (history) => pageOf(history, request, known));
    if (page === undefined) return this.refuse(OWNER_AWAY);
    // Only now it is known how much that is.
    this.budget.owe(reader, Cost.replay(page.messages) + Cost.answer(page.bytes));
    return this.pageAnswer(page);
  }

  private pageAnswer({ etag, body }: PastPage): Answer {
    const headers = { ...this.caching, ETag: etag };
    if (body === undefined) return { status: 304, contentType: '', body: '', headers };
    return { status: 200, contentType: 'application/json', body, headers };
  }

  private refuse(refusal: Refusal): Answer {
    this.relay.countRefusal(refusal);
    return refused(refusal);
  }
}

// The one way from a request to its answer, on both ports. A route returns an answer, at once or as a promise, and
// never sees uWS's response. So every response gets an answer or an abort handler: without either, uWS aborts the
// process.
import { setImmediate } from 'node:timers/promises';
import { type Refusal, Refused } from '../../protocol/codes.js';
import { utf8 } from '../bytes.js';
import type { HttpRequest, HttpResponse, TemplatedApp } from '../uws.js';
import { type Answer, type Headers, INTERNAL_ERROR, mayHaveBody, noContent, refused, writeAnswer } from './answer.js';
import { type BodyBudget, type BodyRefusal, type HeldBody, readBody } from './body.js';
import { HEADER, type HeaderName, listHeader } from './header-names.js';
import { ResponseLife } from './response-life.js';

/** Returns the answer to a request. It must read the request, and ask for its body, before it returns or awaits. */
export type Handler = (request: Request) => Answer | Promise<Answer>;

/** The handlers of a path, by method. HEAD is answered like GET, and OPTIONS, without a handler, with the allowed
 *  methods. */
export type Methods = { readonly [method in 'GET' | 'POST' | 'DELETE' | 'OPTIONS']?: Handler };

/** What a port adds to its answers. */
export interface House {
  readonly isDraining: () => boolean;
  /** Counts a request, of any kind. */
  came?(): void;
  /** Counts a request that waits for its answer; the function returned ends it. */
  begun?(): () => void;
  /** Headers that every answer to this request carries (CORS). */
  headers?(request: Request): Headers | undefined;
  /** Answers OPTIONS if a route does not; without it the answer lists the allowed methods. */
  options?(request: Request, allowed: string): Answer;
  /** An answer without a body was written. */
  wroteNoBody?(): void;
  /** A route threw, or its promise was rejected. */
  failed(error: unknown): void;
  /** A request was refused before its route was asked. */
  refused(refusal: Refusal): void;
}

/** How long a route may take. uWS itself would wait for ever. */
const ANSWER_MS = 30_000;
/** A connection is kept if its unread body has at most this many bytes. */
const MAX_SKIPPED_BYTES = 256 * 1024;

const NO_ANSWER: Refusal = {
  ...Refused.noAnswer,
  message: `the relay found no answer within ${ANSWER_MS / 1000} s; try again later`,
};

/** A request within its handler. */
export class Request {
  readonly method: string;
  readonly path: string;
  /** Set once the body has been asked for. */
  reading: Promise<unknown> | undefined;

  constructor(
    private readonly req: HttpRequest,
    private readonly res: HttpResponse,
    private readonly life: ResponseLife,
  ) {
    this.method = req.getMethod().toUpperCase();
    this.path = req.getUrl();
  }

  /** Empty where there is none. */
  header(name: HeaderName): string {
    return this.req.getHeader(HEADER[name]);
  }

  /** The values of a header whose value is a list: it may be sent in parts (RFC 9110, 5.3). Empty where there is
   *  none. */
  list(name: HeaderName): string {
    return listHeader(this.req, name);
  }

  /** The raw text after the `?`. */
  get query(): string {
    return this.req.getQuery();
  }

  /** For what reads the client's address and credentials: see Access. */
  get source(): { readonly req: HttpRequest; readonly res: HttpResponse } {
    return { req: this.req, res: this.res };
  }

  /** The body, or why it was not read. Never settles when the client leaves first. Call it once, within the handler. */
  body(maxBytes: number, budget: BodyBudget): Promise<HeldBody | BodyRefusal> {
    const { res, life } = this;
    const isChunked = this.header('transfer-encoding') !== '';
    const reading = readBody({ res, life, isChunked }, maxBytes, budget);
    this.reading = reading;
    return reading;
  }

  /** Length of the body that the client announces; infinite if it gives none. */
  get announcedBytes(): number {
    if (this.header('transfer-encoding') !== '') return Number.POSITIVE_INFINITY;
    return Number(this.header('content-length') || 0);
  }

  /** Whether it announces two lengths. What reads it by the one, and what reads it by the other, differ in where the
   *  next request begins (RFC 9112, 6.3). */
  get hasTwoLengths(): boolean {
    const length = this.header('content-length');
    const others = length === '' ? [] : this.list('content-length').split(', ');
    return others.some((other) => other !== length);
  }
}

export class HttpRoutes {
  constructor(
    private readonly app: TemplatedApp,
    private readonly house: House,
  ) {}

  /** Adds the handlers of `pattern`, which may end in a `*`, by method. Other methods are refused with 405 and the
   *  allowed ones. */
  add(pattern: string, methods: Methods): void {
    const allowed = { Allow: allowedMethods(methods).join(', ') };
    this.fallback(pattern, (request) => {
      const { method } = request;
      const handler = methods[(method === 'HEAD' ? 'GET' : method) as keyof Methods];
      if (handler !== undefined) return handler(request);
      if (method === 'OPTIONS') return this.house.options?.(request, allowed.Allow) ?? noContent(allowed);
      const refusal = wrongMethod(request, allowed.Allow);
      this.house.refused(refusal);
      return { ...refused(refusal), headers: allowed };
    });
  }

  /** Answers `pattern` whatever the method. */
  fallback(pattern: string, handler: Handler): void {
    this.app.any(utf8(pattern), (res, req) => this.answer(res, req, handler));
  }

  private answer(res: HttpResponse, req: HttpRequest, handler: Handler): void {
    this.house.came?.();
    const life = new ResponseLife(res);
    const request = new Request(req, res, life);
    const isHead = request.method === 'HEAD';
    const unread = request.announcedBytes > MAX_SKIPPED_BYTES;
    const common = this.house.headers?.(request);
    let outcome: Answer | Promise<Answer>;
    try {
      outcome = request.hasTwoLengths ? this.twoLengths() : handler(request);
    } catch (error) {
      outcome = this.failed(error);
    }
    if (!(outcome instanceof Promise)) {
      this.write(res, outcome, common, isHead, unread);
      return;
    }
    const isRead = request.reading !== undefined;
    let overdue: NodeJS.Timeout | undefined;
    life.onEnd(() => clearTimeout(overdue));
    const ended = this.house.begun?.();
    if (ended !== undefined) life.onEnd(ended);
    const write = (answer: Answer): void => {
      if (life.isOver) return;
      life.end();
      res.cork(() => this.write(res, answer, common, isHead, unread && !isRead));
    };
    const wait = (): void => {
      if (!life.isOver) overdue = setTimeout(() => write(refused(NO_ANSWER)), ANSWER_MS).unref();
    };
    outcome.then(write, (error: unknown) => write(this.failed(error)));
    // A body has a time limit of its own; the route's begins when the body is complete.
    if (request.reading === undefined) wait();
    else void request.reading.then(wait);
  }

  /** Later than this turn: by then uWS has cut a connection whose next request is here already, and not run it. */
  private async twoLengths(): Promise<Answer> {
    this.house.refused(Refused.bodyLength);
    await setImmediate();
    return { ...refused(Refused.bodyLength), close: true };
  }

  private write(
    res: HttpResponse,
    answer: Answer,
    common: Headers | undefined,
    isHead: boolean,
    unread: boolean,
  ): void {
    const whole = common === undefined ? answer : { ...answer, headers: { ...common, ...answer.headers } };
    if (isHead || !mayHaveBody(whole.status)) this.house.wroteNoBody?.();
    writeAnswer(res, whole, isHead, unread || answer.close === true || this.house.isDraining());
  }

  private failed(error: unknown): Answer {
    this.house.failed(error);
    return INTERNAL_ERROR;
  }
}

function allowedMethods(methods: Methods): string[] {
  const names = Object.keys(methods).filter((name) => name !== 'OPTIONS');
  return [...names, ...('GET' in methods ? ['HEAD'] : []), 'OPTIONS'];
}

function wrongMethod({ method, path }: Request, allowed: string): Refusal {
  return {
    ...Refused.method,
    message: `${clip(method)} is no method of ${JSON.stringify(clip(path))}; there is ${allowed}`,
  };
}

/** Shortens text of a client for use in an answer. */
export function clip(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

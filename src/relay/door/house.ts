// What all HTTP answers of the relay port have in common: who may read them (CORS), and the answer if there is no
// route.
import type { Logger } from '../../base/log.js';
import { type Refusal, Refused } from '../../protocol/codes.js';
import type { HttpResponse } from '../uws.js';
import type { Access } from './access.js';
import { type Answer, type Headers, refused, writeAnswer } from './answer.js';
import { corsHeaders, preflight } from './cors.js';
import type { RequestCount } from './requests.js';
import { clip, type House, type Request } from './routes.js';

export class RelayHouse implements House {
  /** Answers without a body (HEAD, 204) whose connections may still be open. Such a connection looks as if it had
   *  got no answer. */
  private bodiless = 0;

  constructor(
    private readonly access: Access,
    private readonly log: Logger,
    private readonly requests: RequestCount,
    readonly isDraining: () => boolean,
    /** Counts and logs a refusal. */
    readonly refused: (refusal: Refusal) => void,
  ) {}

  /** The headers that let pages of allowed origins read the answer, refusals too. */
  headers(request: Request): Headers | undefined {
    const origin = request.header('origin');
    return origin !== '' && this.access.allowsOrigin(origin) ? corsHeaders(origin) : undefined;
  }

  options(request: Request, allowed: string): Answer {
    if (!this.access.allowsOrigin(request.header('origin'))) return this.refuse(Refused.originForbidden);
    return preflight(request, allowed);
  }

  came(): void {
    this.requests.work += 2;
  }

  begun(): () => void {
    return this.requests.begin();
  }

  failed(error: unknown): void {
    this.log.error({ err: error }, 'a request failed');
  }

  wroteNoBody(): void {
    this.bodiless++;
  }

  /** An HTTP connection has ended. Returns whether it got no answer, as far as that can be told. */
  endedUnanswered(res: HttpResponse): boolean {
    if (res.getWriteOffset() > 0) return false;
    if (this.bodiless === 0) return true;
    this.bodiless--;
    return false;
  }

  /** The answer to a request that no route handles. */
  readonly nowhere = (request: Request): Answer => {
    const { method, path } = request;
    if (method === 'OPTIONS') return this.options(request, 'GET, HEAD, OPTIONS');
    if (method === 'GET' || method === 'HEAD') return this.refuse(Refused.notAnUpgrade);
    const message = `nothing answers ${clip(method)} ${JSON.stringify(clip(path))}`;
    return this.refuse({ ...Refused.noRoute, message });
  };

  /** Answers an upgrade that is refused. Call it corked, or inside the route's handler. */
  refuseUpgrade(res: HttpResponse, refusal: Refusal): void {
    const answer = this.refuse(refusal);
    writeAnswer(res, answer, false, answer.close === true);
  }

  private refuse(refusal: Refusal): Answer {
    this.refused(refusal);
    return refused(refusal);
  }
}

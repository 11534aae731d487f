// Who is asking: the client's address, origin and token of a request, and what authentication makes of them.
import type { Authenticator, Identity } from '../../auth/auth.js';
import { compileOrigins, type OriginCheck } from '../../auth/origins.js';
import { findToken } from '../../auth/token.js';
import type { RelayConfig } from '../../config/schema.js';
import { type Refusal, Refused } from '../../protocol/codes.js';
import type { HttpRequest, HttpResponse } from '../uws.js';
import { type ClientAddress, compileTrustProxy } from './client-address.js';
import { HEADER, listHeader, offeredProtocols } from './header-names.js';

/** What a request says of its client, copied out of it: uWS reuses the request once its handler returns or awaits. */
export interface Applicant {
  /** Text of the client's address, seen through trusted proxies. */
  readonly address: string;
  readonly token: string | undefined;
}

export class Access {
  private readonly isAllowedOrigin: OriginCheck;
  private readonly clientAddress: ClientAddress;

  /** Throws FanwireError FANWIRE_CONFIG_ORIGIN or FANWIRE_CONFIG_TRUST_PROXY. */
  constructor(
    config: Pick<RelayConfig, 'origins' | 'trustProxy'>,
    readonly authenticator: Authenticator,
  ) {
    this.isAllowedOrigin = compileOrigins(config.origins);
    this.clientAddress = compileTrustProxy(config.trustProxy);
  }

  /** Whether pages of this origin may connect. A client without an Origin header is no browser. */
  allowsOrigin(origin: string): boolean {
    return this.isAllowedOrigin(origin);
  }

  /** Reads a request within its handler; refuses pages of an origin that is not allowed. */
  read(res: HttpResponse, req: HttpRequest): Applicant | Refusal {
    if (!this.isAllowedOrigin(req.getHeader(HEADER.origin))) return Refused.originForbidden;
    // HAProxy, for one, adds its X-Forwarded-For as a line after the client's own.
    return {
      address: this.clientAddress({
        peer: res.getRemoteAddress(),
        proxied: res.getProxiedRemoteAddress(),
        forwardedFor: () => listHeader(req, 'x-forwarded-for'),
      }),
      token: findToken(req.getHeader(HEADER.authorization), offeredProtocols(req), req.getQuery()),
    };
  }

  identify(applicant: Applicant): Identity | Refusal | Promise<Identity | Refusal> {
    return this.authenticator.authenticate(applicant.token);
  }
}

// Headers that let a page of another origin publish and read the answer (CORS), refusals included: see
// https://fetch.spec.whatwg.org/#http-cors-protocol.
import { type Answer, type Headers, noContent } from './answer.js';
import type { Request } from './routes.js';

/** Request headers that a page may ask to send. A browser asks in a preflight before it sends them. */
const HEADER_LIST = /^[\w!#$%&'*+.^`|~, -]{1,1000}$/;

/** The headers for a request of an allowed origin. Credentials are allowed: `sendBeacon` always sends them, and the
 *  relay reads no cookies. */
export function corsHeaders(origin: string): Headers {
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Expose-Headers': 'ETag, Retry-After',
    Vary: 'Origin',
  };
}

/** The answer to a preflight: the page may send whatever headers it asks for (tracing adds its own). */
export function preflight(request: Request, allowed: string): Answer {
  const wanted = request.header('access-control-request-headers');
  const isList = HEADER_LIST.test(wanted);
  return noContent({
    Allow: allowed,
    'Access-Control-Allow-Methods': allowed,
    'Access-Control-Allow-Headers': isList ? wanted : 'Authorization, Content-Type',
    'Access-Control-Max-Age': '600',
    ...(request.header('access-control-request-private-network') === 'true'
      ? { 'Access-Control-Allow-Private-Network': 'true' }
      : {}),
  });
}

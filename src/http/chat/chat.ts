// What the admin listener gives to the first minutes of a web app: the client library as one file, and a chat that uses
// it.
import { readFileSync } from 'node:fs';
import { policyHash } from '../../base/page/inline.js';
import type { Answer } from '../../relay/door/answer.js';
import { hostnameOf, relayUrl } from '../live/relay-url.js';
import type { RelayEntrance } from '../stats-report.js';

const ROOT = new URL('../../../../', import.meta.url);

/** `GET /client.js`: an ES module without imports. Any page may take it: it is no secret, and asks for none. */
export function clientScript(): Answer {
  script ??= readFileSync(new URL('dist/client.js', ROOT), 'utf8');
  return {
    status: 200,
    contentType: 'text/javascript; charset=utf-8',
    body: script,
    headers: {
      'Access-Control-Allow-Origin': '*',
      'Cache-Control': 'max-age=300',
      'Cross-Origin-Resource-Policy': 'cross-origin',
      'X-Content-Type-Options': 'nosniff',
    },
  };
}

/** `GET /chat`: examples/chat.html with the client from here, and this relay's address. */
export function chatPage(entrance: RelayEntrance, hostHeader: string): Answer {
  page ??= readFileSync(new URL('examples/chat.html', ROOT), 'utf8').replace(
    '../dist/src/client/index.js',
    '/client.js',
  );
  const relay = relayUrl(entrance, hostnameOf(hostHeader) ?? '127.0.0.1');
  const body = page.replace(/`ws:[^`]*`/, JSON.stringify(relay).replaceAll('<', '\\u003c'));
  return {
    status: 200,
    contentType: 'text/html; charset=utf-8',
    body,
    headers: {
      'Content-Security-Policy': [
        `default-src 'none'; script-src 'self' ${policyHash(between(body, '<script type="module">', '</script>'))}`,
        `style-src ${policyHash(between(body, '<style>', '</style>'))}; connect-src 'self' ws: wss:`,
        `base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
      ].join('; '),
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
    },
  };
}

let script: string | undefined;
let page: string | undefined;

function between(text: string, from: string, to: string): string {
  const start = text.indexOf(from) + from.length;
  return text.slice(start, text.indexOf(to, start));
}

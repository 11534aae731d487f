// The live page at `/` of the admin listener: one HTML answer that holds all it needs, and the headers that keep it in
// its place.
import { bundled, ICON, policyHash, styles, uplotScript } from '../../base/page/inline.js';
import { html, trusted } from '../../base/page/markup.js';
import type { Answer } from '../../relay/door/answer.js';
import type { RelayEntrance } from '../stats-report.js';
import { hostnameOf, relayUrl } from './relay-url.js';
import { skeleton } from './skeleton.js';

export class LivePage {
  private readonly body: string;
  /** The policy but for `connect-src`. */
  private readonly policy: string;

  /** Reads scripts and styles; throws where the package lacks one. */
  constructor() {
    const scripts = [uplotScript(), bundled(new URL('./page/main.js', import.meta.url))];
    const own = ['live', 'lists', 'forms', 'playground'].map((name) => `src/http/live/page/${name}.css`);
    const style = styles('src/base/page/base.css', ...own);
    this.policy = [
      `default-src 'none'; script-src ${scripts.map(policyHash).join(' ')}; style-src ${policyHash(style)}; img-src data:`,
      `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    ].join('; ');
    this.body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>fanwire</title>
<link rel="icon" href="${trusted(ICON)}">
<style>${trusted(style)}</style>
</head>
<body>
${skeleton()}
${scripts.map((script) => html`<script type="module">${trusted(script)}</script>`)}
</body>
</html>
`.toString();
  }

  /** The page may speak to its own listener and, for the playground, to the relay; where that is depends on how the
   *  page was reached, so it is said anew each time. */
  answer(entrance: RelayEntrance, hostHeader: string): Answer {
    const hostname = hostnameOf(hostHeader) ?? '127.0.0.1';
    return {
      status: 200,
      contentType: 'text/html; charset=utf-8',
      body: this.body,
      headers: {
        'Content-Security-Policy': `${this.policy}; connect-src 'self' ${relayUrl(entrance, hostname)}`,
        'X-Content-Type-Options': 'nosniff',
        'Referrer-Policy': 'no-referrer',
        'X-Frame-Options': 'DENY',
      },
    };
  }
}

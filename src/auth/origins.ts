// The origin allow-list: which web pages may open a connection. Clients without an Origin header are not browsers and
// are allowed.
import { FanwireError } from '../base/error.js';

/** Decides whether an Origin header may connect. */
export type OriginCheck = (origin: string | undefined) => boolean;

interface Wildcard {
  /** `https:` or `http:`; undefined takes both. */
  readonly scheme: string | undefined;
  /** With a leading dot it means every subdomain; without it the host itself. */
  readonly host: string;
  /** `*` for any; '' for the scheme's default. */
  readonly port: string;
}

const WILDCARD = /^(?:(https?:)\/\/)?(?:\*((?:\.[a-z0-9-]+)+)|([a-z0-9.-]+|\[[0-9a-f:]+\])(?=:\*))(?::(\d+|\*))?$/;

/** Apps send origins such as `capacitor://localhost`; URL calls these opaque, so they are compared as text. */
const CUSTOM_SCHEME =
  /^(?!(?:https?|wss?|file|data|blob|javascript|about):)([a-z][a-z0-9+.-]*:\/\/)([^/?#*@:\s]+(?::\d+)?|\*)$/;

/** The origins that browsers send for pages from a file: Chromium and Safari `null`, Electron and Cordova `file://`. */
const FILE_ENTRY = /^file:\/\/(?:\/|\*)?$/;
const FILE_ORIGIN = 'file://';

const DEFAULT_PORTS: Record<string, string> = { 'https:': '443', 'http:': '80' };

/** Compiles an allow-list. An entry is an origin (`https://app.example.com`, `http://localhost:3000`, with any port
 *  `http://localhost:*`), a host with every subdomain (`*.example.com`, or `https://*.example.com`; not the bare
 *  domain), an app's origin (`capacitor://localhost`, `moz-extension://*`), `file://`, `null` (sandboxed pages, and
 *  files) or `*`. An empty list allows every origin. Throws FanwireError FANWIRE_CONFIG_ORIGIN for anything else,
 *  since it could match no origin. */
export function compileOrigins(allowed: readonly string[]): OriginCheck {
  if (allowed.length === 0 || allowed.includes('*')) return () => true;
  const exact = new Set<string>();
  const schemes: string[] = [];
  const wildcards: Wildcard[] = [];
  for (const entry of allowed.map((each) => each.toLowerCase())) {
    const wildcard = WILDCARD.exec(entry);
    const custom = CUSTOM_SCHEME.exec(entry);
    if (wildcard) {
      const [, scheme, suffix, host, port = ''] = wildcard;
      wildcards.push({ scheme, host: suffix ?? host ?? '', port });
    } else if (custom) {
      if (custom[2] === '*') schemes.push(custom[1] ?? '');
      else exact.add(entry);
    } else if (entry === 'null') {
      exact.add('null').add(FILE_ORIGIN);
    } else {
      exact.add(FILE_ENTRY.test(entry) ? FILE_ORIGIN : exactOrigin(entry));
    }
  }
  return (origin) => {
    if (!origin) return true;
    if (exact.has(origin)) return true;
    if (origin === 'null') return false;
    if (schemes.some((scheme) => origin.startsWith(scheme))) return true;
    const url = parseOrigin(origin);
    if (url === undefined) return false;
    return exact.has(url.origin) || wildcards.some((wildcard) => matches(wildcard, url));
  };
}

function matches({ scheme, host, port }: Wildcard, url: URL): boolean {
  const own = DEFAULT_PORTS[url.protocol];
  if (own === undefined || (scheme !== undefined && scheme !== url.protocol)) return false;
  if (host.startsWith('.') ? !url.hostname.endsWith(host) : url.hostname !== host) return false;
  return port === '*' || (port || own) === (url.port || own);
}

function exactOrigin(entry: string): string {
  const url = parseOrigin(entry);
  if (url !== undefined && DEFAULT_PORTS[url.protocol] !== undefined && !url.hostname.includes('*')) return url.origin;
  const page = entry.replace(/^ws/, 'http');
  throw new FanwireError(
    'FANWIRE_CONFIG_ORIGIN',
    `allowed origin ${JSON.stringify(entry)} can match none: ${
      page !== entry && URL.canParse(page)
        ? `an origin is the page's, not the relay's; write ${new URL(page).origin}`
        : 'write https://app.example.com, *.example.com, http://localhost:*, capacitor://localhost, file://, null or *'
    }`,
  );
}

function parseOrigin(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.pathname.length > 1 || url.search !== '' || url.hash !== '' || url.username !== '') {
    return undefined;
  }
  return url.origin === 'null' ? undefined : url;
}

// The origin allow-list: which web pages may open a connection. Clients without an Origin header are no browsers and pass.
import { FanwireError } from '../protocol/codes.js';

/** Decides whether an Origin header may connect. */
export type OriginCheck = (origin: string | undefined) => boolean;

interface Wildcard {
  /** `https:` or `http:`; undefined takes both. */
  readonly scheme: string | undefined;
  /** With its leading dot. */
  readonly hostSuffix: string;
  readonly port: string;
}

const WILDCARD = /^(?:(https?:)\/\/)?\*(\.[a-z0-9.-]+)(?::(\d+))?$/;

/** Apps send origins such as `capacitor://localhost`; URL calls these opaque, so they are compared as text. */
const CUSTOM_SCHEME = /^(?!https?:)[a-z][a-z0-9+.-]*:\/\/[^/?#]+$/;

/**
 * Compiles an allow-list. An entry is an origin (`https://app.example.com`, `http://localhost:3000`), a host with every
 * subdomain (`*.example.com`, or `https://*.example.com`; not the bare domain), `null` (sandboxed pages, files) or `*`.
 * An empty list allows every origin. Throws FanwireError FANWIRE_CONFIG_ORIGIN for anything else.
 */
export function compileOrigins(allowed: readonly string[]): OriginCheck {
  if (allowed.length === 0 || allowed.includes('*')) return () => true;
  const exact = new Set<string>();
  const wildcards: Wildcard[] = [];
  for (const entry of allowed) {
    const wildcard = WILDCARD.exec(entry.toLowerCase());
    if (wildcard) {
      wildcards.push({ scheme: wildcard[1], hostSuffix: wildcard[2] ?? '', port: wildcard[3] ?? '' });
    } else {
      exact.add(entry === 'null' ? 'null' : exactOrigin(entry));
    }
  }
  return (origin) => {
    if (!origin) return true;
    if (exact.has(origin)) return true;
    if (origin === 'null') return false;
    const url = parseOrigin(origin);
    if (url === undefined) return false;
    return exact.has(url.origin) || wildcards.some((wildcard) => matches(wildcard, url));
  };
}

function matches(wildcard: Wildcard, url: URL): boolean {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return false;
  if (wildcard.scheme !== undefined && wildcard.scheme !== url.protocol) return false;
  return url.hostname.endsWith(wildcard.hostSuffix) && url.port === wildcard.port;
}

function exactOrigin(entry: string): string {
  if (CUSTOM_SCHEME.test(entry)) return entry;
  const url = parseOrigin(entry);
  if (url?.hostname.includes('*') !== false) {
    throw new FanwireError(
      'FANWIRE_CONFIG_ORIGIN',
      `allowed origin ${JSON.stringify(entry)} is none: write https://app.example.com, *.example.com, null or *`,
    );
  }
  return url.origin;
}

function parseOrigin(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.pathname.length > 1 || url.search !== '' || url.hash !== '' || url.username !== '') {
    return undefined;
  }
  return url.origin === 'null' ? undefined : url;
}

// Asks the page's own admin listener. The token comes from the sign-in form or `?token=`, and lives as long as the tab.
import { queryValue } from '../../../protocol/query.js';

const STORED_TOKEN = 'fanwire.admin-token';
/** A relay whose worker is stuck answers after up to 3 s. */
const ANSWER_WITHIN_MS = 8000;

/** The listener wants a token, or another one. */
export class TokenNeeded extends Error {}

/** A token in the address moves to the tab's storage, so that it is in no history, bookmark or screenshot. */
export function takeTokenFromAddress(): void {
  const address = new URL(location.href);
  const token = queryValue(address.search.slice(1), 'token');
  if (token === undefined) return;
  keepToken(token);
  address.searchParams.delete('token');
  history.replaceState(null, '', address);
}

export function keepToken(token: string): void {
  sessionStorage.setItem(STORED_TOKEN, token);
}

export function hasToken(): boolean {
  return sessionStorage.getItem(STORED_TOKEN) !== null;
}

export function forgetToken(): void {
  sessionStorage.removeItem(STORED_TOKEN);
}

/** What `path` answers. Throws TokenNeeded, or an Error whose message can be shown. */
export async function ask<Answer>(path: string, method: 'GET' | 'DELETE' = 'GET'): Promise<Answer> {
  const token = sessionStorage.getItem(STORED_TOKEN);
  // A header takes bytes only; a token of other characters cannot be the right one, and must not throw here.
  const headers: HeadersInit = token === null ? {} : { Authorization: `Bearer ${encodeForHeader(token)}` };
  const response = await fetch(path, { method, headers, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  const answer = await response.json();
  if (response.status === 401) throw new TokenNeeded();
  if (!response.ok) throw new Error(answer.error?.message ?? `the relay answered ${response.status}`);
  return answer;
}

function encodeForHeader(token: string): string {
  return /^[\x20-\x7e]*$/.test(token) ? token : encodeURIComponent(token);
}

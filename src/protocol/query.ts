// A URL's query, percent-decoded like its path: `+` stands for itself, as in tokens and in `ann+test@example.com`.
// URLSearchParams would read it as a space, which is right for HTML forms only.

/** The value of the first `name` in `query` (what follows the `?`); undefined where there is none. Never throws: what
 *  is no percent-encoded UTF-8 is taken as it stands. */
export function queryValue(query: string | undefined, name: string): string | undefined {
  if (!query) return undefined;
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    if (equals === -1 ? decoded(pair) === name : decoded(pair.slice(0, equals)) === name) {
      return equals === -1 ? '' : decoded(pair.slice(equals + 1));
    }
  }
  return undefined;
}

function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// A URL's query, percent-decoded as its path is: `+` stands for itself, as in tokens and in `ann+test@example.com`.
// URLSearchParams reads it as a space, which only HTML forms mean by it.

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

// The URLs of a run's topics.

/** The URLs of topics 0, 1, …: `{topic}` stands for the topic's number. Without it, a single topic is the URL itself;
 *  with several topics, the number ends the path, before a query. Several URLs are separated by commas. Throws one line
 *  that names the wrong URL. */
export function urlPatterns(text: string, topics: number): string[] {
  const urls = text.split(/,(?=\s*[a-z]+:\/\/)/i).map((url) => url.trim());
  const wrong = urls.find((url) => !/^wss?:\/\/./.test(url));
  if (wrong !== undefined) throw new Error(`URL must start with ws:// or wss://, got ${wrong.replace(/[?#].*$/s, '')}`);
  return urls.map((url) => {
    if (topics === 1 || url.includes('{topic}')) return url;
    const [, path = url, rest = ''] = /^([^?#]*)(.*)$/s.exec(url) ?? [];
    return `${path}-{topic}${rest}`;
  });
}

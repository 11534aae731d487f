// A part of a page of docs/ that is made, between two comments.

/** `page` with `text` between its marks of `name`.
 *  @throws Error where it has none */
export function between(page: string, name: string, text: string): string {
  const begin = `<!-- ${name}: made by \`npm run docs\` -->`;
  const end = `<!-- end of ${name} -->`;
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no "${begin}" before an "${end}"`);
  return `${page.slice(0, from)}${begin}\n\n${text}\n\n${page.slice(to)}`;
}

// HTML as a tagged template in which every interpolated text is escaped: there is no way to forget it.

/** Markup that is known to be safe, made only by `html` and `trusted`. */
export class Markup {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

type Part = string | number | Markup | readonly Part[];

/** A piece of HTML. Strings and numbers are escaped (for text and quoted attributes), Markup and arrays of it are
 *  not. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Markup {
  let text = strings[0] ?? '';
  parts.forEach((part, i) => {
    text += render(part) + (strings[i + 1] ?? '');
  });
  return new Markup(text);
}

/** Our own text as markup: scripts and styles that were read from this package. Never for what a result holds. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

/** A value as JSON for a `<script type="application/json">`: no `<` in it, so nothing can end the element. */
export function embeddedJson(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replace(/</g, '\\u003c'));
}

function render(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (Array.isArray(part)) return part.map(render).join('');
  return escapeHtml(String(part));
}

function escapeHtml(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;');
}

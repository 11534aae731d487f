// What a page that needs no other file carries in itself: uPlot, compiled modules as one script, styles, and its
// policy's hashes.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

export const ICON =
  'data:image/svg+xml,%3Csvg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"%3E%3Ccircle cx="3" cy="8" r="2.4" fill="%232f6f8f"/%3E%3Cpath d="M5 8 14 2M5 8h9M5 8l9 6" stroke="%232f6f8f" stroke-width="1.6"/%3E%3C/svg%3E'.replace(
    /"/g,
    "'",
  );

export function uplotScript(): string {
  // A module's `var` is not global; the page's script finds uPlot there.
  return `${readFileSync(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8')};globalThis.uPlot=uPlot;`;
}

/** uPlot's style and then the package's own at `paths`. Styles are not compiled: they lie in the source folders. */
export function styles(...paths: string[]): string {
  const root = new URL('../../../../', import.meta.url);
  const own = paths.map((path) => readFileSync(new URL(path, root), 'utf8'));
  return [readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8'), ...own].join('\n');
}

const IMPORT = /^import \{(.*)\} from '(\.[^']+)';$/gm;
const EXPORT = /^export (?=(?:async )?(?:function\*?|class|const|let) (\w+))/gm;

/**
 * A compiled module and all it imports as one script: each module becomes a function that is called once, after those
 * it needs. Only named imports by relative paths and named declarations that are exported are understood; throws for
 * any other kind.
 */
export function bundled(entry: URL): string {
  const names = new Map<string, string>();
  const parts: string[] = [];
  const add = (url: URL): string => {
    const path = fileURLToPath(url);
    const known = names.get(path);
    if (known !== undefined) return known;
    const name = `module${names.size}`;
    names.set(path, name);
    const exported: string[] = [];
    const body = readFileSync(path, 'utf8')
      .replace(/^\/\/# sourceMappingURL=.*$|^export \{\};$/gm, '')
      .replace(
        IMPORT,
        (_, imported: string, from: string) =>
          `const {${imported.replace(/ as /g, ': ')}} = ${add(new URL(from, url))};`,
      )
      .replace(EXPORT, (_, declared: string) => {
        exported.push(declared);
        return '';
      });
    const other = /^(?:import|export)\b.*/m.exec(body);
    if (other !== null) throw new Error(`${path} cannot be inlined: ${other[0]}`);
    parts.push(`const ${name} = (() => {\n${body}\nreturn { ${exported.join(', ')} };\n})();`);
    return name;
  };
  add(entry);
  return parts.join('\n');
}

/** How a Content-Security-Policy names a script or style by what it holds. */
export function policyHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

// What a page that needs no other file carries in itself: uPlot, compiled modules as one script, styles, and its policy's hashes.
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
  const root = new URL('../../../', import.meta.url);
  const own = paths.map((path) => readFileSync(new URL(path, root), 'utf8'));
  return [readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8'), ...own].join('\n');
}

/**
 * A compiled module and what it imports (by relative paths) as one script, each module after those it needs. All share one
 * scope, so that no two of them may declare the same name at their top: the browser refuses such a script.
 */
export function bundled(entry: URL): string {
  const bodies = new Map<string, string>();
  const add = (url: URL): void => {
    const path = fileURLToPath(url);
    if (bodies.has(path)) return;
    bodies.set(path, '');
    const source = readFileSync(path, 'utf8');
    for (const [, from] of source.matchAll(/^(?:import|export) .*?from '(\.[^']+)';$/gm)) add(new URL(from ?? '', url));
    const body = source
      .replace(/^(?:import .*|export \{.*|export \* .*);$/gm, '')
      .replace(/^export /gm, '')
      .replace(/^\/\/# sourceMappingURL=.*$/gm, '');
    bodies.delete(path);
    bodies.set(path, body); // now after what it imports
  };
  add(entry);
  return [...bodies.values()].join('\n');
}

/** How a Content-Security-Policy names a script or style by what it holds. */
export function policyHash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

// A folder to run `npm pack` in while others read the real one: npm 10 builds anew before it packs, whatever
// --ignore-scripts says, unless there is no script to run.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Copies what the package of `root` holds into `into`, without its scripts. */
export function makePackable(root: string, into: string): void {
  const { scripts: _, ...described } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const { files = ['.'] } = described as { files?: readonly string[] };
  for (const entry of files.filter((name) => !name.startsWith('!'))) {
    // Of a pattern, the folder that it looks into.
    const path = entry.replace(/\/[^/]*\*.*$/, '');
    cpSync(join(root, path), join(into, path), { recursive: true });
  }
  writeFileSync(join(into, 'package.json'), JSON.stringify(described));
}

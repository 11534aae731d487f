// The TypeScript of the repository, for tests of what it looks like.
import { readdirSync } from 'node:fs';

/** The repository's folder. */
export const ROOT = new URL('../../../', import.meta.url);

/** Every TypeScript file under these folders, by its path from ROOT. */
export function filesOf(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
      .map((file) => `${folder}/${file}`)
      .filter((file) => file.endsWith('.ts')),
  );
}

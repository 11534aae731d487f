// Whether what was given names a folder; never throws, for it may be a command, a commit, or any other text.
import { statSync } from 'node:fs';

/** True where `path` is a folder that can be seen; false for anything else: a name too long for a path, a folder above
 *  it that may not be entered, a circle of links. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

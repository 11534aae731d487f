// How long a lock file has stood: whoever made it may have been ended before it took it away.
import { statSync } from 'node:fs';

/** Milliseconds since the file was last written; 0 where it is gone. */
export function fileAgeMs(path: string): number {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

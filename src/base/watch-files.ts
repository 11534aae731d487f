// Reports when files have changed, by checking their state once a second: certificates are replaced by renaming the
// file, a link to it or its folder (certbot, Kubernetes), and network disks send no events.
import { unwatchFile, watchFile } from 'node:fs';

const ASK_MS = 1000;
/** Files that belong together are replaced one after the other, and each is checked at its own moment. */
const SETTLE_MS = 1200;

/** Calls `changed` once some of `paths` have changed, appeared or gone, and have been left alone for a moment. Does not
 *  keep the process alive. Returns what ends it. */
export function watchFiles(paths: readonly string[], changed: () => void): () => void {
  let settling: NodeJS.Timeout | undefined;
  const onChange = (): void => {
    clearTimeout(settling);
    settling = setTimeout(changed, SETTLE_MS).unref();
  };
  for (const path of paths) watchFile(path, { interval: ASK_MS, persistent: false }, onChange);
  return () => {
    clearTimeout(settling);
    for (const path of paths) unwatchFile(path, onChange);
  };
}

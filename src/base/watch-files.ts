// Tells when files have changed. By asking for their state once a second: certificates are replaced by renames, of the
// file, of a link to it or of the folder it is in (certbot, Kubernetes), and network disks tell nobody.
import { unwatchFile, watchFile } from 'node:fs';

const ASK_MS = 1000;
/** Files that belong together are replaced one after the other, and each is asked for on its own beat. */
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

// Ends the parts of a relay, one after the other. A relay often ends because something in it fails: a part that throws
// once more must not keep the others from ending, least of all uWS from releasing its handles.
import type { Logger } from '../../base/log.js';

export function endAll(parts: readonly (() => void)[], log: Logger): void {
  for (const end of parts) {
    try {
      end();
    } catch (error) {
      log.error({ err: error }, 'a part of the relay failed while it ended');
    }
  }
}

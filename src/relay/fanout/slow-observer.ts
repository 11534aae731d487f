// Logs slow consumers (sampled), and tells them of their loss if their protocol allows it.
import type { SampledWarnings } from '../../base/log.js';
import type { Connection } from './audience.js';
import type { SlowObserver } from './slow.js';

export function slowObserver(warnings: SampledWarnings): SlowObserver {
  const warn = (kind: string, { id, remoteAddress, topic }: Connection, bufferedBytes: number): void =>
    warnings.warn(kind, { id, address: remoteAddress, topic: topic?.name, bufferedBytes });
  return {
    closed: (connection, bufferedBytes) => warn('slow consumer closed', connection, bufferedBytes),
    lagging: (connection, bufferedBytes) => warn('slow consumer dropping', connection, bufferedBytes),
    recovered: (connection, { topic }, lost) => {
      warnings.warn('slow consumer recovered', { id: connection.id, topic: topic.name, lost });
      connection.session?.lost(topic, lost);
    },
  };
}

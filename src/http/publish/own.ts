// A publish of the program that runs the relay, rather than of a client: nothing is asked of it, and it is answered as
// HTTP publishes are.
import type { Bus } from '../../bus/bus.js';
import { together } from '../../bus/census.js';

interface Publishing {
  publish(topic: string, message: Uint8Array, isBinary: boolean): number;
  readonly bus: Pick<Bus, 'survey'>;
}

/** Resolves with how many subscribers of this process it went to. */
export async function publishOwn(
  relay: Publishing,
  topic: string,
  message: Uint8Array,
  isBinary: boolean,
): Promise<number> {
  const here = relay.publish(topic, message, isBinary);
  const answers = await relay.bus.survey({ topic, wants: 'count', reach: 'process', isPatient: true });
  return here + together(answers).subscribers;
}

// What raw subscribers of a state have missed while its owner was away. They cannot recover by themselves, so it is
// sent to them once a new copy is there, some of it in each turn of the loop: a state may have a million keys.
import type { Kept } from './history.js';
import type { ReplicaHistory } from './replica.js';

/** Messages sent in one turn. */
const MESSAGES_PER_TURN = 64;

/** @param isCurrent false once nobody here has the topic any more */
export function sendUnheard(replica: ReplicaHistory, isCurrent: () => boolean, send: (kept: Kept) => void): void {
  const unheard = replica.takeUnheard().values();
  const turn = (): void => {
    if (!isCurrent()) return;
    for (let sent = 0; sent < MESSAGES_PER_TURN; sent++) {
      const { value: kept, done } = unheard.next();
      if (done) return;
      // What has been published since has been heard.
      if (replica.isNewest(kept)) send(kept);
    }
    setImmediate(turn);
  };
  turn();
}

// What the owner of a topic answers to threads that ask for what it keeps, or where its sequence is.
import type { Threads } from '../../bus/bus.js';
import { aboutMessage, writeRecord } from '../../protocol/sequence-record.js';
import type { MemoryHistory } from './memory.js';
import type { StateCrossings } from './state-crossings.js';

export class OwnerAnswers {
  constructor(
    private readonly own: MemoryHistory,
    private readonly threads: Threads | undefined,
    private readonly crossings: StateCrossings | undefined,
  ) {}

  /** Answers question `ask` of a thread with all that is kept of a topic. */
  kept(thread: number, topic: string, ask: number): void {
    this.crossings?.nowToOthers(topic);
    const history = this.own.open(topic);
    const { threads } = this;
    if (history === undefined || threads === undefined) return;
    const { epoch, floor, seq } = history;
    threads.send(thread, topic, writeRecord({ is: 'kept', ask, epoch, floor }));
    let last = floor;
    for (let kept = history.next(floor, 'all'); kept !== undefined; kept = history.next(last, 'all')) {
      const { body, from, key, publishedAtMs } = kept;
      const age = Math.round(this.own.nowMs() - publishedAtMs);
      const record = { is: 'message', seq: kept.seq, after: last, age, ...aboutMessage(from, undefined, key) } as const;
      threads.send(thread, topic, writeRecord(record, body));
      last = kept.seq;
    }
    threads.send(thread, topic, writeRecord({ is: 'end', seq, last }));
  }

  /** Answers question `ask` with the last number of a topic. */
  where(thread: number, topic: string, ask: number): void {
    this.crossings?.nowToOthers(topic);
    const history = this.own.open(topic);
    if (history === undefined) return;
    const { epoch, seq } = history;
    this.threads?.send(thread, topic, writeRecord({ is: 'here', ask, epoch, seq, last: seq }));
  }
}

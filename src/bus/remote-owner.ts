// A relay without other threads whose topics are numbered by JetStream: the owner seen as if it were another thread.
import { readRecord } from '../protocol/sequence-record.js';
import { NO_OBSERVER, type Threads, type ThreadsObserver } from './bus.js';
import type { JetStreamOwner } from './jetstream.js';

const RELAY = 0;
const OWNER = 1;

export class RemoteOwner implements Threads {
  readonly self = RELAY;
  private observer = NO_OBSERVER;

  constructor(private readonly owner: JetStreamOwner) {
    owner.output = {
      send: (topic, record) => this.observer.record(OWNER, topic, record),
      doubt: () => this.observer.doubt(),
    };
  }

  ownerOf(): number {
    return OWNER;
  }

  has(): boolean {
    return true;
  }

  send(_thread: number, topic: string, record: Uint8Array): boolean {
    if (readRecord(record).record.is === 'leave') this.owner.unsubscribe(topic);
    else this.owner.take(topic, record, (answer) => this.observer.record(OWNER, topic, answer));
    return true;
  }

  // This relay owns no topic.
  isWanted(): boolean {
    return false;
  }

  sendToInterested(): void {}

  attend(observer: ThreadsObserver): void {
    this.observer = observer;
  }
}

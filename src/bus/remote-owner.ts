// A relay without other threads whose topics are numbered by JetStream: the owner seen as if it were another thread.
import { readRecord } from '../protocol/sequence-record.js';
import type { Threads } from './bus.js';
import type { JetStreamOwner } from './jetstream.js';

const RELAY = 0;
const OWNER = 1;

export class RemoteOwner implements Threads {
  readonly self = RELAY;
  private takeRecord: (thread: number, topic: string, record: Uint8Array) => void = () => {};
  private hearDoubt: () => void = () => {};

  constructor(private readonly owner: JetStreamOwner) {
    owner.output = {
      send: (topic, record) => this.takeRecord(OWNER, topic, record),
      doubt: () => this.hearDoubt(),
    };
  }

  ownerOf(): number {
    return OWNER;
  }

  send(_thread: number, topic: string, record: Uint8Array): boolean {
    if (readRecord(record).record.is === 'leave') this.owner.unsubscribe(topic);
    else this.owner.take(topic, record, (answer) => this.takeRecord(OWNER, topic, answer));
    return true;
  }

  sendToInterested(): void {} // this relay owns no topic

  onRecord(take: (thread: number, topic: string, record: Uint8Array) => void): void {
    this.takeRecord = take;
  }

  onGone(): void {} // NATS may be away, but the owner is in this process

  onDoubt(hear: () => void): void {
    this.hearDoubt = hear;
  }
}

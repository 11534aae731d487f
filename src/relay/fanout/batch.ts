// Messages that wait for a flush.
import { FRAME_HEADER_BYTES } from '../bytes.js';

/** What one audience waits for, in three columns that are reused, so that a queued message allocates no object. */
export class Batch<Sender> {
  count = 0;
  /** Bytes of the messages as frames. */
  bytes = 0;
  readonly messages: Uint8Array[] = [];
  readonly binary: boolean[] = [];
  readonly senders: (Sender | undefined)[] = [];

  add(message: Uint8Array, isBinary: boolean, sender: Sender | undefined): void {
    this.messages[this.count] = message;
    this.binary[this.count] = isBinary;
    this.senders[this.count] = sender;
    this.count++;
    this.bytes += message.length + FRAME_HEADER_BYTES;
  }

  clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.messages.length = 0;
    this.binary.length = 0;
    this.senders.length = 0;
  }
}

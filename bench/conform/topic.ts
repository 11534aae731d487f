// A topic of the suite's relay: its sequence, its kept messages, and its answer to a `sub`, as in docs/protocol.md.
import type { Position } from '../../src/protocol/ops.js';

export interface StoredMessage {
  readonly seq: number;
  readonly data: unknown;
  readonly encoding?: 'base64';
  readonly pid?: string;
}

export interface Joining {
  readonly answer: Record<string, unknown>;
  readonly replay: readonly StoredMessage[];
}

export class SuiteTopic {
  epoch = 'first';
  kept: StoredMessage[] = [];
  /** The number of the last message. */
  seq = 0;

  keep(message: Omit<StoredMessage, 'seq'>): StoredMessage {
    const kept = { ...message, seq: ++this.seq };
    this.kept.push(kept);
    return kept;
  }

  /** Starts another sequence; the kept messages are lost. */
  forget(epoch: string): void {
    this.epoch = epoch;
    this.kept = [];
    this.seq = 0;
  }

  join(since: Position | undefined, rewind = 0): Joining {
    const { epoch, seq, kept } = this;
    if (since !== undefined) {
      const reason = this.whyNot(since);
      if (reason !== undefined) return { answer: { epoch, seq, recovered: false, reason }, replay: [] };
      const replay = kept.filter((message) => message.seq > since.seq);
      return { answer: { epoch, seq, recovered: true, replayed: replay.length }, replay };
    }
    if (rewind === 0) return { answer: { epoch, seq, ...(kept.length > 0 && { kept: kept.length }) }, replay: [] };
    const replay = kept.slice(-rewind);
    return { answer: { epoch, seq, after: (replay[0]?.seq ?? seq + 1) - 1, replayed: replay.length }, replay };
  }

  private whyNot(since: Position): string | undefined {
    if (since.epoch !== this.epoch) return 'epoch-changed';
    if (since.seq > this.seq) return 'unknown-position';
    const firstKept = this.kept[0]?.seq ?? this.seq + 1;
    return since.seq < firstKept - 1 ? 'too-old' : undefined;
  }
}

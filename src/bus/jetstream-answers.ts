// What a relay is answered that asks what a stream keeps of a topic, or where it is. While NATS is away it is answered
// nothing, and asks again.
import type { SampledWarnings } from '../base/log.js';
import { keptBody } from '../protocol/publish-id.js';
import { readRecord, type SequenceRecord, writeRecord } from '../protocol/sequence-record.js';
import type { JetStreamReader, KeptAt } from './jetstream-reader.js';

export type Reply = (record: Uint8Array) => void;

type KeptQuestion = Extract<SequenceRecord, { is: 'ask' | 'where' }>;

/** Where a topic is kept, and the sequence that its numbers are of. */
export interface KeptIn extends KeptAt {
  readonly epoch: string;
}

export class JetStreamAnswers {
  /** @param isCurrent false for a reader of a connection that has ended */
  constructor(
    private readonly warnings: SampledWarnings,
    private readonly isCurrent: (reader: JetStreamReader) => boolean,
  ) {}

  /** Answers `asked` (`ask`: all that is kept of the topic; `where`: see `whereOf`). */
  async answer(
    reader: JetStreamReader | undefined,
    at: KeptIn | undefined,
    topic: string,
    asked: KeptQuestion,
    reply: Reply,
  ): Promise<void> {
    if (at === undefined || reader === undefined) return;
    try {
      await (asked.is === 'ask' ? keptOf(reader, at, asked.ask, reply) : whereOf(reader, at, asked.ask, reply));
    } catch (error) {
      // If NATS went away meanwhile, that was logged already, and all is asked again when it is back.
      const reason = (error as Error).message;
      if (this.isCurrent(reader)) this.warnings.warn('history cannot be read from NATS', { topic, reason });
    }
  }
}

async function keptOf(reader: JetStreamReader, at: KeptIn, ask: number, reply: Reply): Promise<void> {
  const { floor, seq, messages } = await reader.read(at);
  reply(writeRecord({ is: 'kept', ask, epoch: at.epoch, floor }));
  let last = floor;
  for (const message of messages) {
    const { record, body } = readRecord(message.data);
    const { from, pid, key } = record as Extract<SequenceRecord, { is: 'publish' }>;
    const age = Math.max(0, Date.now() - message.atMs);
    const about = { after: last, age, ...(from !== undefined && { from }), ...(key !== undefined && { key }) };
    reply(writeRecord({ is: 'message', seq: message.seq, ...about }, keptBody(body, pid)));
    last = message.seq;
  }
  reply(writeRecord({ is: 'end', seq: Math.max(last, seq), last }));
}

/** Where the stream is, and which message of the topic is its latest. */
async function whereOf(reader: JetStreamReader, at: KeptIn, ask: number, reply: Reply): Promise<void> {
  reply(writeRecord({ is: 'here', ask, epoch: at.epoch, ...(await reader.positionOf(at)) }));
}

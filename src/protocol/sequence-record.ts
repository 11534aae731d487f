// What the threads of a process tell each other about a topic's sequence: a line of JSON, followed by a body if there
// is one.

export type SequenceRecord =
  /** To the topic's owner: number this, keep it, pass it on. `sender` is the connection to leave out; with `ack` the
   *  number is sent back. A second publish with the same `pid` is the first one again, `repeat` ms later. */
  | {
      readonly is: 'publish';
      readonly from?: string;
      readonly sender?: string;
      readonly key?: string;
      readonly ack?: number;
      readonly pid?: string;
      readonly repeat?: number;
      /** Messages that it has taken the place of on its way. */
      readonly replaced?: number;
      /** When it was published: to the owner by the machine's clock, in a stream as PublishClock has it. */
      readonly at?: number;
    }
  /** From the owner to every thread with subscribers. `after` is the number of the message before it. */
  | {
      readonly is: 'numbered';
      readonly epoch: string;
      readonly seq: number;
      readonly after: number;
      readonly from?: string;
      readonly sender?: string;
      readonly key?: string;
      readonly pid?: string;
      readonly replaced?: number;
    }
  /** From the owner to every thread with subscribers: a message that a newer one of its key came before. */
  | { readonly is: 'overtaken'; readonly sender?: string; readonly replaced?: number }
  /** From the owner to the thread that asked for a number: 0 where it got none, nothing where that is not known. */
  | { readonly is: 'ack'; readonly ack: number; readonly seq?: number }
  /** From the owner, while it cannot number: for the subscribers of this moment. Nobody keeps the message. */
  | { readonly is: 'unnumbered'; readonly from?: string; readonly sender?: string; readonly key?: string }
  /** To the owner: send all that you keep. It answers with `kept` (everything over `floor` follows), a `message` each,
   *  and `end`, with nothing in between. `ask` tells the answers to several questions apart. */
  | { readonly is: 'ask'; readonly ask: number }
  /** To the owner: where is the topic's sequence? It answers with `here`: at `seq`, and all of the topic's messages up
   *  to there have numbers up to `last`. */
  | { readonly is: 'where'; readonly ask: number }
  | { readonly is: 'here'; readonly ask: number; readonly epoch: string; readonly seq: number; readonly last: number }
  /** To the owner: nobody is subscribed here any more. */
  | { readonly is: 'leave' }
  | { readonly is: 'kept'; readonly ask: number; readonly epoch: string; readonly floor: number }
  | {
      readonly is: 'message';
      readonly seq: number;
      readonly after: number;
      readonly from?: string;
      readonly key?: string;
      /** Milliseconds since it was published. */
      readonly age?: number;
    }
  | { readonly is: 'end'; readonly seq: number; readonly last: number }
  /** To a thread that takes the place of one that died: a message of a state that it owns now, with its number in the
   *  sequence that has ended. After all of them: `seeded`. */
  | {
      readonly is: 'seed';
      readonly epoch: string;
      readonly seq: number;
      readonly age: number;
      readonly from?: string;
      readonly key?: string;
    }
  | { readonly is: 'seeded' };

export function writeRecord(record: SequenceRecord, body = ''): Uint8Array {
  return Buffer.from(`${JSON.stringify(record)}\n${body}`);
}

export function readRecord(bytes: Uint8Array): { readonly record: SequenceRecord; readonly body: string } {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  const end = text.indexOf('\n');
  return { record: JSON.parse(text.slice(0, end)) as SequenceRecord, body: text.slice(end + 1) };
}

/** What is known of a message, as fields of a record. */
export function aboutMessage(
  from: string | undefined,
  sender: string | undefined,
  key?: string,
  pid?: string,
): { from?: string; sender?: string; key?: string; pid?: string } {
  return {
    ...(from !== undefined && { from }),
    ...(sender !== undefined && { sender }),
    ...(key !== undefined && { key }),
    ...(pid !== undefined && { pid }),
  };
}

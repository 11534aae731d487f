// Delivery windows over readers that are served without sockets or clocks.
import type { Bus } from '../../src/bus/bus.js';
import type { PublishClock } from '../../src/bus/last-updates.js';
import { noBus } from '../../src/bus/none.js';
import { parseDeliverRules } from '../../src/config/deliver-rules.js';
import { Windows } from '../../src/relay/deliver/windows.js';
import { type Audience, Connection, type Dialect } from '../../src/relay/fanout/audience.js';
import type { Batch } from '../../src/relay/fanout/batch.js';
import { TopicTable } from '../../src/relay/fanout/topic-table.js';
import { Counters } from '../../src/relay/watch/counters.js';

/** A socket that takes what it is sent, unless it is stalled: then what it was sent last stays in its buffer. */
export class Reader {
  /** Payloads of a raw one, texts of an enveloped one. */
  readonly got: string[] = [];
  /** How many messages an enveloped one was told it skipped. */
  skipped = 0;
  isStalled = false;
  private buffered = 0;
  readonly connection: Connection;

  constructor(
    id: string,
    readonly dialect: Dialect = 'raw',
  ) {
    const identity = { user: undefined, canPublish: () => true, canSubscribe: () => true, expiresAtMs: undefined };
    this.connection = new Connection(id, '::1', undefined, identity as never, 0);
    this.connection.dialect = dialect;
    this.connection.ws = {
      cork: (act: () => void) => act(),
      send: (bytes: Uint8Array) => this.take(bytes),
      subscribe: () => true,
      unsubscribe: () => true,
      getBufferedAmount: () => this.buffered,
    } as never;
  }

  /** @param tells whether the send says what the socket has left, as one by itself does */
  take(bytes: Uint8Array, tells = true): void {
    const text = Buffer.from(bytes).toString();
    if (this.dialect === 'raw') this.got.push(text);
    else {
      for (const { data, skipped = 0 } of [JSON.parse(text)].flat() as { data: string; skipped?: number }[]) {
        this.got.push(data);
        this.skipped += skipped;
      }
    }
    if (!this.isStalled) return;
    this.buffered += bytes.byteLength;
    if (tells) this.connection.mayHaveUnsent = true;
  }

  drain(): void {
    this.isStalled = false;
    this.buffered = 0;
  }
}

interface LanesOptions {
  readonly maxHeldBytes?: number | undefined;
  readonly maxBytes?: number;
  readonly bus?: Bus;
  readonly clock?: PublishClock;
}

/** Windows over readers that are served without uWS. */
export function lanes(
  deliver: string,
  { maxHeldBytes, maxBytes = 1 << 20, bus: outer = noBus, clock }: LanesOptions = {},
) {
  const counters = new Counters();
  const readers = new Map<Connection, Reader>();
  const fanOut = {
    deliver: ({ subscribers, isOnTree }: Audience, batch: Batch<Connection>) => {
      const tells = !isOnTree && batch.count === 1;
      for (const connection of subscribers) {
        if (connection.lag !== undefined) continue;
        for (let i = 0; i < batch.count; i++) {
          if (batch.senders[i] !== connection) readers.get(connection)?.take(batch.messages[i] as Uint8Array, tells);
        }
      }
    },
  };
  const windows = new Windows(parseDeliverRules(deliver), { fanOut, counters, maxBytes }, maxHeldBytes, clock);
  const bus = windows.conflating(outer);
  const topics = new TopicTable(0, {
    history: undefined,
    hasPresence: () => false,
    interest: undefined,
    deliveryOf: windows.deliveryOf,
  });
  const topic = topics.hold('t');
  const other = topics.hold('t2');
  const join = (reader: Reader): void => {
    readers.set(reader.connection, reader);
    for (const each of [topic, other]) windows.laneFor(each, 0)?.join(reader.connection, reader.dialect);
  };
  const publish = (text: string, key: string | undefined, to = topic, sender?: Reader, replaced = 0): void => {
    const about = {
      body: undefined,
      from: undefined,
      seq: 0,
      sender: sender?.connection,
      isForRawOnly: false,
      replaced,
      publishedAtMs: undefined,
    };
    to.delivery?.take({ ...about, raw: Buffer.from(text), isBinary: false, key });
  };
  const drain = (reader: Reader): void => {
    reader.drain();
    windows.onDrain(reader.connection);
  };
  /** All that waits goes out, and every reader reads it. */
  const endAll = (): void => {
    windows.endAll();
    for (const reader of readers.values()) drain(reader);
    windows.stop();
  };
  return { windows, bus, topics, topic, other, counters, join, publish, drain, endAll };
}

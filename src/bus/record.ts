// A message between two threads as bytes: a 12-byte header, the topic (left out if the record before has the same) and
// the payload.
//
//   u32 length of the record, header included, a multiple of 4
//   u8 kind   u8 flags   u16 bytes of topic   u32 bytes of payload

export const HEADER_BYTES = 12;
/** The topic is left out, since the record before has the same: a burst on one topic writes and reads its name once. */
export const SAME_TOPIC = 1;
/** The message was too long for one record: the next record continues it. */
export const MORE = 2;

/** Payloads of at least this size are copied by `fill`, which is one memcpy: 50 ns for 1 KiB, where `set` takes 300 ns.
 *  `set` copies byte by byte into shared memory unless both sides are aligned, and buffers of uWS are not. For 64 bytes
 *  `set` is faster: 28 against 47 ns. */
const FILL_FROM_BYTES = 96;

/** UTF-8 takes at most three bytes a UTF-16 code unit. */
const BYTES_PER_UNIT = 3;

/** The most bytes that a record can take. */
export function recordBound(topic: string, payloadBytes: number): number {
  return (HEADER_BYTES + topic.length * BYTES_PER_UNIT + payloadBytes + 3) & ~3;
}

/** A record as it was read. `payload` is a view: valid until the reader moves on. */
export interface Received {
  /** Bytes the record took. */
  length: number;
  kind: number;
  topic: string;
  payload: Uint8Array;
  more: boolean;
}

/** Writes one record into `bytes` at `at`, a multiple of 4. SAME_TOPIC in `flags` leaves the topic out. Returns the
 *  bytes it took. */
export function writeRingRecord(
  bytes: Buffer,
  at: number,
  topic: string,
  kind: number,
  flags: number,
  payload: Uint8Array,
): number {
  const topicBytes = flags & SAME_TOPIC ? 0 : bytes.write(topic, at + HEADER_BYTES);
  const length = (HEADER_BYTES + topicBytes + payload.length + 3) & ~3;
  bytes.writeUInt32LE(length, at);
  bytes[at + 4] = kind;
  bytes[at + 5] = flags;
  bytes.writeUInt16LE(topicBytes, at + 6);
  bytes.writeUInt32LE(payload.length, at + 8);
  const payloadAt = at + HEADER_BYTES + topicBytes;
  if (payload.length < FILL_FROM_BYTES) bytes.set(payload, payloadAt);
  else bytes.fill(payload, payloadAt, payloadAt + payload.length);
  return length;
}

/** Reads the record at `at` into `into`, which must still hold the record before: its topic may be reused. */
export function readRingRecord(bytes: Buffer, at: number, into: Received): void {
  const flags = bytes[at + 5] as number;
  const topicBytes = bytes.readUInt16LE(at + 6);
  const payloadAt = at + HEADER_BYTES + topicBytes;
  into.length = bytes.readUInt32LE(at);
  into.kind = bytes[at + 4] as number;
  into.more = (flags & MORE) !== 0;
  if ((flags & SAME_TOPIC) === 0) into.topic = bytes.toString('utf8', at + HEADER_BYTES, payloadAt);
  into.payload = bytes.subarray(payloadAt, payloadAt + bytes.readUInt32LE(at + 8));
}

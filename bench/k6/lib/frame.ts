// The payload carries its publisher, its sequence number and the instant it was *due*, so that whoever receives it
// counts latency from the plan and not from a publisher that may have stalled. Text: 24 characters; binary: three
// float64.

export const HEADER_BYTES = 24;

/** Text: this mark, then publisher (3 characters), sequence (8) and due time in µs (12), each in base 36. */
const MARK = '~';
const PUBLISHER_FROM = 1;
const SEQUENCE_FROM = 4;
const DUE_FROM = 12;

/** Where readFrame leaves what it read: one object for all deliveries, because k6's engine feels every allocation. */
export const frame = { publisher: 0, sequence: 0, dueAt: 0 };

/** Reads a received payload into `frame`; false when it is not one of ours (a server's greeting, say). */
export function readFrame(payload: unknown): boolean {
  if (typeof payload === 'string') {
    if (payload.length < HEADER_BYTES || payload[0] !== MARK) return false;
    frame.publisher = parseInt(payload.slice(PUBLISHER_FROM, SEQUENCE_FROM), 36);
    frame.sequence = parseInt(payload.slice(SEQUENCE_FROM, DUE_FROM), 36);
    frame.dueAt = parseInt(payload.slice(DUE_FROM, HEADER_BYTES), 36) / 1000;
    return !Number.isNaN(frame.dueAt);
  }
  if (!(payload instanceof ArrayBuffer) || payload.byteLength < HEADER_BYTES) return false;
  const fields = new Float64Array(payload, 0, 3);
  frame.publisher = fields[0] as number;
  frame.sequence = fields[1] as number;
  frame.dueAt = fields[2] as number;
  return Number.isInteger(frame.publisher) && Number.isInteger(frame.sequence);
}

/** Publishers a run may have: what fits the frame. */
export const MOST_PUBLISHERS = 36 ** 3;

/** Writes frames of `bytes` bytes for one publisher. */
export function frameWriter(
  publisher: number,
  bytes: number,
  binary: boolean,
): (sequence: number, dueAt: number) => string | ArrayBuffer {
  if (binary) {
    return (sequence, dueAt) => {
      const buffer = new ArrayBuffer(bytes);
      new Float64Array(buffer, 0, 3).set([publisher, sequence, dueAt]);
      return buffer;
    };
  }
  const prefix = MARK + publisher.toString(36).padStart(SEQUENCE_FROM - PUBLISHER_FROM, '0');
  const padding = '.'.repeat(bytes - HEADER_BYTES);
  return (sequence, dueAt) => {
    const due = Math.round(dueAt * 1000).toString(36);
    return (
      prefix + sequence.toString(36).padStart(DUE_FROM - SEQUENCE_FROM, '0') + due.padStart(DUE_FROM, '0') + padding
    );
  };
}

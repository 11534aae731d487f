// Every text for uWS is turned into bytes here, and nowhere else. uWS's binary for Node 24 reads a JavaScript string of
// one-byte characters as if it were UTF-8: 'ä' leaves as invalid UTF-8, and a topic of that name exists twice inside
// uWS (seen up to v20.68, uWebSockets.js issue 1280). The types in uws.ts accept no string, so passing one does not
// compile.

/** What uWS is given: it reads the bytes before the call returns. */
export type Bytes = Uint8Array | ArrayBuffer;

/** What fits into uWS's cork buffer, frame headers included. Anything larger goes through a buffer of the socket's
 *  own: one more copy, and uWS keeps that buffer as long as the socket lives. */
export const CORK_BYTES = 16 * 1024 - 1;
/** Header bytes of a frame of 126 bytes to 64 KiB; shorter frames have smaller headers. */
export const FRAME_HEADER_BYTES = 4;

/** The UTF-8 of `text`; a lone surrogate becomes U+FFFD. Short results share a slab that Node keeps in memory: do
 *  not hold many of them for long. */
export function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

const encoder = new TextEncoder();
const passing = new Uint8Array(64 * 1024);

/** The UTF-8 of `text` for a call that has read or copied it when it returns, as all of uWS's and FanOut.publish do.
 *  The next call overwrites it. CPU of a message to uWS, Node 20: 239 ns for 30 bytes and 979 ns for 4,000; with
 *  `utf8` 288 and 2,671; as a string 181 and 1,352. */
export function passingUtf8(text: string): Uint8Array {
  // No UTF-16 unit takes more than three bytes.
  if (text.length * 3 > passing.length) return utf8(text);
  return new Uint8Array(passing.buffer, 0, encoder.encodeInto(text, passing).written);
}

/** The bytes of a close reason: a close frame has room for 123 (RFC 6455, section 5.5). Longer text is cut between
 *  characters. */
export function closeReason(text: string): Uint8Array {
  const bytes = utf8(text);
  if (bytes.length <= MAX_REASON_BYTES) return bytes;
  let end = MAX_REASON_BYTES;
  while (((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

const MAX_REASON_BYTES = 123;

/** Keys per slab: few allocations, and a key does not keep a slab of other short-lived bytes alive. */
const KEYS_PER_SLAB = 1024;
const KEY_BYTES = 8;
const DIGITS = utf8('0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_');

/** Names of uWS topics: eight ASCII bytes, each handed out once. uWS compares the topic's bytes on every publish, so
 *  a key is short and of fixed length, however long the topic's name is. */
export class TopicKeys {
  private slab = new Uint8Array(0);
  private used = 0;
  private next = 0;

  take(): Uint8Array {
    if (this.used === this.slab.length) {
      this.slab = new Uint8Array(KEYS_PER_SLAB * KEY_BYTES);
      this.used = 0;
    }
    const key = this.slab.subarray(this.used, this.used + KEY_BYTES);
    this.used += KEY_BYTES;
    // 64^8 keys: one a microsecond lasts nine years.
    for (let at = KEY_BYTES - 1, rest = this.next++; at >= 0; at--, rest = Math.floor(rest / 64)) {
      key[at] = DIGITS[rest % 64] as number;
    }
    return key;
  }
}

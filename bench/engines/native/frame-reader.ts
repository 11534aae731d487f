// Reads WebSocket frames (RFC 6455, section 5.2) on the client side from chunks that may be cut anywhere, without
// allocating memory per chunk or message.
//
// All sockets of the process share the chunk's buffer, and the next read overwrites it. So the reader copies only
// what a later chunk needs: the first `headBytes` of an incomplete message (the stamp is in them), never the payload.
// A message that is complete in one chunk, the usual case in a fan-out, is passed on without a copy.

/** What a reader reports. `bytes` is only valid during the call. */
export interface FrameSink {
  /** A complete message. Its first `available` bytes are at `bytes[at]`: all of them when it was complete in one chunk,
   *  else at most `headBytes`. */
  message(bytes: Uint8Array, at: number, available: number, length: number): void;
  /** A close, ping or pong frame with its payload (at most 125 bytes). */
  control(opcode: number, payload: Uint8Array): void;
  /** The server broke the protocol; nothing after this can be read. */
  violation(reason: string): void;
}

const OPCODE_CONTINUATION = 0;
export const OPCODE_TEXT = 1;
export const OPCODE_BINARY = 2;
export const OPCODE_CLOSE = 8;
export const OPCODE_PING = 9;
export const OPCODE_PONG = 10;

/** Between frames, inside a frame header, inside a data frame's payload, inside a control frame's payload, after a
 *  violation. */
const State = { Start: 0, Header: 1, Payload: 2, Control: 3, Broken: 4 } as const;

const MAX_HEADER_BYTES = 10;
const FIN = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;

export class FrameReader {
  private state: number = State.Start;
  /** The frame being read; set once its header is complete. */
  private opcode = 0;
  private isFinal = true;
  private payloadLeft = 0;
  /** The message that spans frames or chunks; opcode CONTINUATION means that there is none. */
  private messageOpcode = OPCODE_CONTINUATION;
  private messageLength = 0;
  private headLength = 0;
  private headerLength = 0;
  /** Allocated at first use, then kept: many sockets never see a cut frame. */
  private header: Uint8Array | undefined;
  private head: Uint8Array | undefined;
  private controlPayload: Uint8Array | undefined;
  private controlLength = 0;

  constructor(
    private readonly sink: FrameSink,
    private readonly headBytes: number,
  ) {}

  /** Reads `chunk` from `at` up to `end`. */
  read(chunk: Uint8Array, at: number, end: number): void {
    while (at < end) {
      switch (this.state) {
        case State.Start:
          at = this.start(chunk, at, end);
          break;
        case State.Header:
          at = this.collectHeader(chunk, at, end);
          break;
        case State.Payload:
          at = this.payload(chunk, at, end);
          break;
        case State.Control:
          at = this.control(chunk, at, end);
          break;
        default:
          return;
      }
    }
  }

  /** A frame begins at `at`. Complete unfragmented messages are passed on in place, one after the other; anything else
   *  goes through `collectHeader`. */
  private start(chunk: Uint8Array, at: number, end: number): number {
    if (this.messageOpcode !== OPCODE_CONTINUATION) return this.collectHeader(chunk, at, end);
    const sink = this.sink;
    while (end - at >= 2) {
      const first = chunk[at] as number;
      const second = chunk[at + 1] as number;
      if (first !== (FIN | OPCODE_TEXT) && first !== (FIN | OPCODE_BINARY)) break;
      let from = at + 2;
      let length = second;
      if (second === 126) {
        if (end - at < 4) break;
        length = ((chunk[at + 2] as number) << 8) | (chunk[at + 3] as number);
        from = at + 4;
      } else if (second > 126) break;
      if (end - from < length) break;
      sink.message(chunk, from, length, length);
      at = from + length;
      // The sink may have closed this connection.
      if (this.state !== State.Start) return at;
    }
    return at < end ? this.collectHeader(chunk, at, end) : at;
  }

  private collectHeader(chunk: Uint8Array, at: number, end: number): number {
    this.header ??= new Uint8Array(MAX_HEADER_BYTES);
    const header = this.header;
    if (this.state === State.Start) this.headerLength = 0;
    this.state = State.Header;
    while (at < end) {
      header[this.headerLength++] = chunk[at++] as number;
      if (this.headerLength >= 2 && this.headerLength === headerSize(header[1] as number)) {
        this.beginFrame(header);
        return at;
      }
    }
    return at;
  }

  private beginFrame(header: Uint8Array): void {
    this.opcode = (header[0] as number) & 15;
    this.isFinal = ((header[0] as number) & FIN) !== 0;
    this.payloadLeft = payloadLength(header);
    const reason = this.findViolation(header);
    if (reason !== undefined) {
      this.state = State.Broken;
      this.sink.violation(reason);
    } else if (this.opcode >= OPCODE_CLOSE) this.beginControl();
    else this.beginData();
  }

  private findViolation(header: Uint8Array): string | undefined {
    if (((header[0] as number) & RESERVED) !== 0) return 'a reserved bit is set (compression was not agreed)';
    if (((header[1] as number) & MASKED) !== 0) return 'a frame from the server is masked';
    if (this.opcode > OPCODE_PONG || (this.opcode > OPCODE_BINARY && this.opcode < OPCODE_CLOSE)) {
      return `opcode ${this.opcode} does not exist`;
    }
    if (this.opcode >= OPCODE_CLOSE) {
      return this.isFinal && this.payloadLeft <= 125 ? undefined : 'a control frame is fragmented or too long';
    }
    const continues = this.opcode === OPCODE_CONTINUATION;
    if (continues && this.messageOpcode === OPCODE_CONTINUATION) return 'a continuation without a message';
    if (!continues && this.messageOpcode !== OPCODE_CONTINUATION) return 'a new message inside a fragmented one';
    return undefined;
  }

  private beginData(): void {
    if (this.opcode !== OPCODE_CONTINUATION) {
      this.messageOpcode = this.opcode;
      this.messageLength = 0;
      this.headLength = 0;
    }
    this.messageLength += this.payloadLeft;
    this.state = State.Payload;
    if (this.payloadLeft === 0) this.endDataFrame();
  }

  private payload(chunk: Uint8Array, at: number, end: number): number {
    const taken = Math.min(this.payloadLeft, end - at);
    const kept = Math.min(taken, this.headBytes - this.headLength);
    if (kept > 0) {
      this.head ??= new Uint8Array(this.headBytes);
      for (let i = 0; i < kept; i++) this.head[this.headLength + i] = chunk[at + i] as number;
      this.headLength += kept;
    }
    this.payloadLeft -= taken;
    if (this.payloadLeft === 0) this.endDataFrame();
    return at + taken;
  }

  private endDataFrame(): void {
    this.state = State.Start;
    if (!this.isFinal) return;
    this.messageOpcode = OPCODE_CONTINUATION;
    this.sink.message(this.head ?? EMPTY, 0, this.headLength, this.messageLength);
  }

  private beginControl(): void {
    this.controlLength = 0;
    this.state = State.Control;
    if (this.payloadLeft === 0) this.endControl();
  }

  private control(chunk: Uint8Array, at: number, end: number): number {
    const taken = Math.min(this.payloadLeft, end - at);
    this.controlPayload ??= new Uint8Array(125);
    this.controlPayload.set(chunk.subarray(at, at + taken), this.controlLength);
    this.controlLength += taken;
    this.payloadLeft -= taken;
    if (this.payloadLeft === 0) this.endControl();
    return at + taken;
  }

  private endControl(): void {
    this.state = State.Start;
    this.sink.control(this.opcode, (this.controlPayload ?? EMPTY).subarray(0, this.controlLength));
  }
}

const EMPTY = new Uint8Array(0);

function headerSize(second: number): number {
  const length = second & 127;
  return length < 126 ? 2 : length === 126 ? 4 : 10;
}

function payloadLength(header: Uint8Array): number {
  const length = (header[1] as number) & 127;
  if (length < 126) return length;
  const view = new DataView(header.buffer, header.byteOffset);
  return length === 126 ? view.getUint16(2) : view.getUint32(2) * 2 ** 32 + view.getUint32(6);
}

// A bus on which a window's worth of replaced messages does not travel: of topics of which only the newest is
// delivered, only the newest crosses to other workers and nodes, at most once a window.
import { type Bus, type BusStatus, CrossingKind, type Deliver } from '../../bus/bus.js';
import type { Census, Question, TakeCensus } from '../../bus/census.js';
import type { Crossings, NewCrossings } from '../../bus/crossings.js';
import { PublishClock } from '../../bus/last-updates.js';
import type { KeyReader } from '../../config/deliver-key.js';
import { rawBody } from '../../protocol/frames.js';
import { bodyPayload, readParcel, writeParcel } from '../../protocol/parcel.js';
import { copyOver } from './waiting.js';

interface Forwarded {
  readonly message: Uint8Array;
  readonly kind: CrossingKind;
}

export class ConflatingBus implements Bus {
  private readonly crossings: Crossings<Forwarded>;

  constructor(
    private readonly bus: Bus,
    newCrossings: NewCrossings,
    clock = new PublishClock(),
  ) {
    this.crossings = newCrossings<Forwarded>((topic) => ({ message, kind }, replaced, machineMs) => {
      bus.forward(topic, withPast(message, kind, replaced, clock.at(machineMs)), CrossingKind.envelope);
    });
  }

  forward(topic: string, message: ArrayBuffer | Uint8Array, kind: CrossingKind): void {
    if (kind === CrossingKind.presence || !this.bus.reaches(topic)) {
      this.bus.forward(topic, message, kind);
      return;
    }
    const crossing = this.crossings.of(topic);
    if (crossing === undefined) {
      this.bus.forward(topic, message, kind);
      return;
    }
    const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
    const key = keyOfMessage(crossing.keyOf, bytes, kind);
    const copy = copyOver(crossing.waiting(key)?.message, bytes);
    crossing.keep(key, { message: copy, kind }, bytes.byteLength);
  }

  reaches(topic: string): boolean {
    return this.bus.reaches(topic);
  }

  subscribe(topic: string): void {
    this.bus.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.bus.unsubscribe(topic);
  }

  start(deliver: Deliver, takeCensus?: TakeCensus): void {
    this.bus.start(deliver, takeCensus);
  }

  survey(question: Question): Promise<readonly Census[]> {
    return this.bus.survey(question);
  }

  /** What waits in a window has not been handed over: it crosses first. */
  confirm(topic: string): Promise<boolean> {
    this.crossings.crossNow(topic);
    return this.bus.confirm(topic);
  }

  status(): BusStatus {
    return this.bus.status();
  }

  close(): Promise<void> {
    return this.bus.close();
  }
}

/** A message, how many it has taken the place of, and when it was published. */
function withPast(message: Uint8Array, kind: CrossingKind, replaced: number, atMs: number): Uint8Array {
  if (kind !== CrossingKind.envelope) {
    return writeParcel(rawBody(message, kind === CrossingKind.binary), undefined, undefined, replaced, atMs);
  }
  const { body, from, key } = readParcel(message);
  return writeParcel(body, from, key, replaced, atMs);
}

function keyOfMessage(keyOf: KeyReader, bytes: Uint8Array, kind: CrossingKind): string {
  if (kind !== CrossingKind.envelope) return keyOf({ key: undefined, raw: bytes });
  const { body, key } = readParcel(bytes);
  return keyOf({ key, raw: key === undefined ? bodyPayload(body).raw : '' });
}

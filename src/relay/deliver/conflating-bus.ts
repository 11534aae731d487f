// A bus on which a window's worth of replaced messages does not travel: of topics of which only the newest is
// delivered, only the newest crosses to other workers and nodes, at most once a window.
import { type Bus, type BusStatus, CrossingKind, type Deliver } from '../../bus/bus.js';
import type { Census, Question, TakeCensus } from '../../bus/census.js';
import type { Crossings, NewCrossings } from '../../bus/crossings.js';
import type { KeyReader } from '../../config/deliver-key.js';
import { bodyPayload, readParcel } from '../../protocol/parcel.js';

interface Forwarded {
  readonly message: Uint8Array;
  readonly kind: CrossingKind;
}

export class ConflatingBus implements Bus {
  private readonly crossings: Crossings<Forwarded>;

  constructor(
    private readonly bus: Bus,
    newCrossings: NewCrossings,
  ) {
    this.crossings = newCrossings<Forwarded>(
      (topic) =>
        ({ message, kind }) =>
          bus.forward(topic, message, kind),
    );
  }

  forward(topic: string, message: ArrayBuffer | Uint8Array, kind: CrossingKind): void {
    const crossing = kind === CrossingKind.presence ? undefined : this.crossings.of(topic);
    if (crossing === undefined) {
      this.bus.forward(topic, message, kind);
      return;
    }
    const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
    const key = keyOfMessage(crossing.keyOf, bytes, kind);
    crossing.keep(key, { message: bytes.slice(), kind }, bytes.byteLength);
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

function keyOfMessage(keyOf: KeyReader, bytes: Uint8Array, kind: CrossingKind): string {
  if (kind !== CrossingKind.envelope) return keyOf({ key: undefined, raw: bytes });
  const { body, key } = readParcel(bytes);
  return keyOf({ key, raw: key === undefined ? bodyPayload(body).raw : '' });
}

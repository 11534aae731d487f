// A relay and the network before it, in memory and in virtual time, that can be told to go wrong: for a client's state
// machine.
import type { ServerOp } from '../../src/protocol/ops.js';

/** How the next connections and answers go. */
export interface Weather {
  /** What an attempt meets. `error-only`: a runtime whose `close` never comes. */
  opening: 'open' | 'close' | 'error-only' | 'hang' | 'throw' | 'full' | 'refused-token' | 'bad-gateway';
  /** What publishes and subscribes are answered with. */
  answers: 'ok' | 'later' | 'final' | 'never' | 'late' | 'cut-before' | 'cut-after' | 'garbage';
  /** For how long each token holds, as the relay says it; null is what JSON makes of what is no number. */
  expiresInMs: number | null;
}

interface Kept {
  readonly seq: number;
  readonly data: unknown;
  readonly pid: string | undefined;
}

type Frame = { [field: string]: unknown };

/** Milliseconds that a frame travels. */
const TRAVEL_MS = 5;
const PUBLISHES_PER_S = 50;
const REFUSALS = { full: 503, 'refused-token': 401, 'bad-gateway': 502 } as const;

export class SimulatedRelay {
  weather: Weather = { opening: 'open', answers: 'ok', expiresInMs: 60_000 };
  /** When sockets were opened. */
  readonly attempts: number[] = [];
  kept: Kept[] = [];
  /** All that was ever published by the client, in order. */
  readonly taken: unknown[] = [];
  /** Those that were on their way when earlier ones were passed over: their client could not hold them back. */
  readonly overtaking = new Set<unknown>();
  /** Attempts that came before the time that a drain had told. */
  tooEarly = 0;
  /** Publishes by which the limit was overdrawn. */
  overdrawn = 0;
  /** When a sub was refused for good, and how often it was asked for again. */
  refusedForGood = false;
  askedAfterwards = 0;
  private passedOverAtMs = Number.NEGATIVE_INFINITY;
  private notBeforeMs = 0;
  private epoch = 1;
  private floor = 0;
  private readonly sockets = new Set<SimulatedSocket>();

  /** The class to hand to a client. */
  get WebSocket(): unknown {
    const relay = this;
    return class extends SimulatedSocket {
      constructor(_url: string, _protocols: string[]) {
        super(relay);
      }
    };
  }

  connect(socket: SimulatedSocket): void {
    this.attempts.push(performance.now());
    if (performance.now() < this.notBeforeMs) this.tooEarly++;
    const { opening } = this.weather;
    if (opening === 'throw') throw new Error('out of sockets');
    setTimeout(() => {
      if (opening === 'open') this.open(socket);
      else if (opening === 'close') socket.end(1006, true);
      else if (opening === 'error-only') socket.onerror?.({ message: 'connect ECONNREFUSED' } as never);
      else if (opening !== 'hang') socket.refuse(REFUSALS[opening], opening !== 'bad-gateway');
    }, TRAVEL_MS);
  }

  /** Somebody else publishes. */
  publish(data: unknown, pid?: string, except?: SimulatedSocket): number {
    const seq = this.floor + this.kept.length + 1;
    this.kept.push({ seq, data, pid });
    this.tell({ op: 'msg', topic: 'room', data, seq }, except);
    return seq;
  }

  /** Says the newest message a second time, to who heard it once: no publisher hears its own. */
  repeat(): void {
    const newest = this.kept.at(-1);
    if (newest && newest.pid === undefined) this.tell({ op: 'msg', topic: 'room', data: newest.data, seq: newest.seq });
  }

  /** A message that subscribers read too slowly for; those of the client's own are not among them. */
  lose(data: unknown, recoverable: boolean): void {
    this.kept.push({ seq: this.floor + this.kept.length + 1, data, pid: undefined });
    this.tell({ op: 'lost', topic: 'room', count: 1, ...(recoverable && { recoverable }) });
  }

  /** Keeps no more than the newest. */
  trim(): void {
    const gone = this.kept.length - 1;
    if (gone < 1) return;
    this.floor += gone;
    this.kept = this.kept.slice(gone);
  }

  /** Says when to come back, to who is there. */
  drain(reconnectInMs: number): void {
    for (const socket of this.sockets) {
      socket.deliver({ op: 'drain', reconnectInMs }, () => {
        this.notBeforeMs = performance.now() + reconnectInMs;
      });
    }
  }

  private tell(op: ServerOp, except?: SimulatedSocket): void {
    for (const socket of this.sockets) if (socket !== except && socket.isSubscribed) socket.deliver(op);
  }

  /** Every connection is cut; `isSilent` leaves the client to find out. */
  cut(isSilent: boolean): void {
    for (const socket of [...this.sockets]) {
      this.sockets.delete(socket);
      if (!isSilent) socket.end(1006, false);
    }
  }

  /** The relay loses its memory, and all connections. */
  restart(): void {
    this.cut(false);
    this.epoch++;
    this.floor = 0;
    this.kept = [];
  }

  hear(socket: SimulatedSocket, text: string): void {
    if (!this.sockets.has(socket)) return;
    const op = JSON.parse(text) as Frame;
    if (op.op === 'ping') {
      socket.deliver({ op: 'pong' });
      return;
    }
    if (op.op === 'pub' && !socket.afford(PUBLISHES_PER_S)) this.overdrawn++;
    if (op.op === 'sub' && this.refusedForGood) this.askedAfterwards++;
    const { answers } = this.weather;
    if (answers === 'cut-before') this.cut(false);
    else if (answers === 'garbage') {
      this.passedOverAtMs = performance.now();
      socket.deliver('}{' as never);
    } else if (answers === 'final' && op.op !== 'auth' && !this.kept.some(({ pid }) => pid && pid === op.pid)) {
      // A refusal that a cut overtakes is none: it counts once it is heard.
      const refusal = { op: 'error', code: 'FANWIRE_PUBLISH_FORBIDDEN', message: 'no', id: op.id };
      socket.deliver(refusal as ServerOp, () => {
        this.refusedForGood ||= op.op === 'sub';
      });
    } else if (answers === 'later') {
      this.passedOverAtMs = performance.now();
      const refusal = { op: 'error', code: 'FANWIRE_PUBLISH_RATE', message: 'later', retryAfterMs: 50, id: op.id };
      socket.deliver(refusal as ServerOp);
    } else {
      const answer = this.handle(socket, op);
      if (answers === 'cut-after') this.cut(false);
      else if (answers === 'late') setTimeout(answer, 20_000);
      else if (answers === 'ok') answer();
    }
  }

  private handle(socket: SimulatedSocket, op: Frame): () => void {
    if (op.op === 'pub') {
      const known = this.kept.find(({ pid }) => pid === op.pid);
      if (known === undefined) this.taken.push(op.data);
      if (performance.now() - this.passedOverAtMs <= 2 * TRAVEL_MS) this.overtaking.add(op.data);
      const seq = known?.seq ?? this.publish(op.data, op.pid as string, socket);
      return () => socket.deliver({ op: 'ok', id: op.id as number, seq });
    }
    if (op.op !== 'sub') {
      const { expiresInMs } = this.weather;
      return () => socket.deliver({ op: 'ok', id: op.id as number, expiresInMs: expiresInMs as number });
    }
    const since = op.since as { epoch: string; seq: number } | undefined;
    return () => {
      const epoch = String(this.epoch);
      const seq = this.floor + this.kept.length;
      const reason = since?.epoch !== epoch ? 'epoch-changed' : since.seq < this.floor ? 'too-old' : undefined;
      const missed = since && !reason ? this.kept.filter((kept) => kept.seq > since.seq) : [];
      const kept = this.kept.length || undefined;
      const recovery = since ? { recovered: !reason, ...(reason && { reason }) } : { kept };
      socket.deliver({
        op: 'ok',
        id: op.id,
        topic: 'room',
        epoch,
        seq,
        replayed: missed.length,
        ...recovery,
      } as ServerOp);
      for (const each of missed) socket.deliver({ op: 'msg', topic: 'room', ...each } as ServerOp);
      socket.isSubscribed = true;
    };
  }

  private open(socket: SimulatedSocket): void {
    if (socket.isOver) return;
    this.sockets.add(socket);
    socket.onopen?.({} as never);
    socket.deliver({
      op: 'hello',
      limits: { maxPayload: 65_536, publishesPerS: PUBLISHES_PER_S },
      dedupMs: 120_000,
      expiresInMs: this.weather.expiresInMs as number,
    });
  }

  forget(socket: SimulatedSocket): void {
    this.sockets.delete(socket);
  }
}

class SimulatedSocket {
  readonly bufferedAmount = 0;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  isSubscribed = false;
  isOver = false;
  private credit = Number.POSITIVE_INFINITY;
  private creditAtMs = 0;
  private refused: ((request: unknown, response: object) => void) | undefined;

  constructor(private readonly relay: SimulatedRelay) {
    relay.connect(this);
  }

  on(_event: string, listener: (request: unknown, response: object) => void): void {
    this.refused = listener;
  }

  /** A bucket that holds a second's worth; whether one more was in it. */
  afford(perS: number): boolean {
    this.credit = Math.min(perS, this.credit + ((performance.now() - this.creditAtMs) * perS) / 1000) - 1;
    this.creditAtMs = performance.now();
    return this.credit > -1;
  }

  send(text: string): void {
    setTimeout(() => this.relay.hear(this, text), TRAVEL_MS);
  }

  close(): void {
    this.isOver = true;
    this.relay.forget(this);
  }

  deliver(op: ServerOp, arrived = () => {}): void {
    const data = typeof op === 'string' ? op : JSON.stringify(op);
    const arrive = (): void => {
      arrived();
      this.onmessage?.({ data } as never);
    };
    setTimeout(() => this.isOver || arrive(), TRAVEL_MS);
  }

  end(code: number, withError: boolean): void {
    this.isOver = true;
    if (withError) this.onerror?.({} as never);
    this.onclose?.({ code, reason: '' } as never);
  }

  refuse(statusCode: number, isRelay: boolean): void {
    const passes = statusCode === 503 ? { 'retry-after': '2' } : {};
    this.refused?.({}, { statusCode, headers: isRelay ? { 'fanwire-error': 'FANWIRE_X', ...passes } : {} });
  }
}

// Where a socket stands in its audiences while it gets nothing live from them. First it is behind: what it misses is
// kept for it. If that becomes too much it is losing: what it misses is only counted.
import { Backlog, type BacklogMessage } from './backlog.js';

/** The part of an audience that a lag needs. */
interface Counted<Sender> {
  readonly published: number;
  backlog: Backlog<Sender> | undefined;
}

interface LagMark {
  /** The audience's message count up to which it was served. */
  served: number;
  /** Its own messages since, which it does not get. */
  own: number;
}

export class Lag<Socket, Where extends Counted<Socket>> {
  /** Whether what it misses is lost. */
  isLosing = false;
  private readonly marks = new Map<Where, LagMark>();

  start(audience: Where): void {
    this.marks.set(audience, { served: audience.published, own: 0 });
    if (this.isLosing) return;
    audience.backlog ??= new Backlog(audience.published);
    audience.backlog.readers++;
  }

  /** A sender does not receive its own message, so that one does not count as missed. */
  owesNothingFor(audience: Where): void {
    const mark = this.marks.get(audience);
    if (mark !== undefined) mark.own++;
  }

  /** Messages of `audience` published since the socket was served, its own aside. */
  missed(audience: Where): number {
    const mark = this.marks.get(audience);
    return mark === undefined ? 0 : audience.published - mark.served - mark.own;
  }

  /** The socket leaves the audience: what it missed there no longer counts. Returns whether it lagged there. */
  forget(audience: Where): boolean {
    if (!this.marks.delete(audience)) return false;
    if (!this.isLosing) release(audience);
    return true;
  }

  /** What was kept is lost from now on, and so is what comes. */
  lose(): void {
    if (this.isLosing) return;
    this.isLosing = true;
    for (const audience of this.marks.keys()) release(audience);
  }

  /** The next message that is kept for `socket`, other than its own. */
  next(audience: Where, socket: Socket): BacklogMessage<Socket> | undefined {
    const mark = this.marks.get(audience);
    if (mark === undefined || this.isLosing) return undefined;
    for (;;) {
      const held = audience.backlog?.at(mark.served);
      if (held === undefined || held.sender !== socket) return held;
      mark.served++;
      mark.own--;
    }
  }

  /** The message that `next` returned has been sent. */
  serve(audience: Where): void {
    const mark = this.marks.get(audience);
    if (mark !== undefined) mark.served++;
  }

  /** The number of the first message of `audience` that is kept for the socket. */
  keptFrom(audience: Where): number {
    return this.marks.get(audience)?.served ?? audience.published;
  }

  /** Bytes that are kept for the socket. */
  get keptBytes(): number {
    if (this.isLosing) return 0;
    let bytes = 0;
    for (const [audience, { served }] of this.marks) bytes += audience.backlog?.bytesFrom(served) ?? 0;
    return bytes;
  }

  audiences(): IterableIterator<Where> {
    return this.marks.keys();
  }
}

function release<Sender>(audience: Counted<Sender>): void {
  if (audience.backlog !== undefined && --audience.backlog.readers === 0) audience.backlog = undefined;
}

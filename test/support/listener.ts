// A subscription of the client library for tests: what it received, what it was told it missed, and a way to wait for
// either.
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { FanwireClient } from '../../src/client/index.js';

/** Does not ask for several ops in one frame, as clients before 0.2. */
export class UnbatchedWebSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(
      url,
      protocols.filter((protocol) => protocol !== 'fanwire.batch'),
    );
  }
}

/** A client that comes back fast; it ends with the test. */
export function clientOf(t: TestContext, port: number, Socket: unknown = WebSocket): FanwireClient {
  const times = { backoffBaseMs: 4, backoffCapMs: 50 };
  const client = new FanwireClient(`ws://127.0.0.1:${port}`, { WebSocket: Socket, ...times });
  t.after(() => client.close());
  return client;
}

export class Listener {
  readonly received: unknown[] = [];
  readonly gaps: string[] = [];
  readonly ready: Promise<void>;
  private check = (): void => {};

  constructor(client: FanwireClient, topic: string) {
    const subscription = client.subscribe(topic, ({ data }) => {
      this.received.push(data);
      this.check();
    });
    subscription.on('gap', ({ reason }) => {
      if (reason !== 'not-asked') this.gaps.push(reason); // what was kept when it came
      this.check();
    });
    this.ready = subscription.ready;
  }

  /** Resolves once `holds`. */
  until(holds: (listener: Listener) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.check = () => holds(this) && resolve();
      this.check();
    });
  }

  has(count: number): Promise<void> {
    return this.until(({ received }) => received.length >= count);
  }
}

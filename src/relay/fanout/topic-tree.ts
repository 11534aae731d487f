// Publishes on uWS's topics. Each App has its own: a relay whose certificate was renewed has sockets on two Apps.
import type { TemplatedApp } from '../uws.js';
import type { Connection } from './audience.js';

export class TopicTree {
  /** Apps of sockets that connected under an earlier certificate. */
  private older: readonly TemplatedApp[] | undefined;

  constructor(
    private app: TemplatedApp,
    private readonly compress: boolean,
  ) {}

  /** @param older Apps beside `app` that still have sockets; undefined if there are none */
  useApps(app: TemplatedApp, older: readonly TemplatedApp[] | undefined): void {
    this.app = app;
    this.older = older;
  }

  /** Publishes to all on the topic except `subscriber`, which must be on it (uWS refuses ws.publish on a socket
   *  without topics). */
  publish(
    key: Uint8Array,
    subscriber: Connection | undefined,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
  ): void {
    if (subscriber === undefined) this.app.publish(key, message, isBinary, this.compress);
    else subscriber.ws?.publish(key, message, isBinary, this.compress);
    if (this.older === undefined) return;
    const done = subscriber === undefined ? this.app : subscriber.app;
    if (this.app !== done) this.app.publish(key, message, isBinary, this.compress);
    for (const app of this.older) if (app !== done) app.publish(key, message, isBinary, this.compress);
  }
}

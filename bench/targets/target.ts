// What a target is: one or more WebSocket servers under test, already listening when an engine gets it.

export interface Target {
  /** fanwire, a peer's name, or the URL's host. */
  readonly name: string;
  /** '' when it could not be told. */
  readonly version: string;
  /** The command that started it, or the URL. */
  readonly cmd: string;
  /** The build of uWebSockets.js that it runs on, where that is known. */
  readonly uws?: string;
  /** ws:// or wss:// URLs without the topic. Several are the nodes of one cluster: the subscribers of each topic are
   *  spread over all. */
  readonly urls: readonly string[];
  /** http:// URL of its admin routes, where a scenario asked for them and they are known. */
  readonly adminUrl?: string;
  /** How a topic is addressed and a message framed. */
  readonly dialect: TargetDialect;
  /** Processes whose CPU and memory count, children included; empty when the server is elsewhere. */
  readonly pids: readonly number[];
  /** How its process ended, where it did by itself: "ended with exit code 1: Error: boom"; undefined while it runs. */
  ending?(): string | undefined;
  /** Ends what this harness started; resolves once it is gone. A URL's server is left alone. */
  stop(): Promise<void>;
}

/** `raw`: the topic is the URL's path and every frame is a message (fanwire, ws, uWS, nchan, …). `fanwire.v1`: the
 *  envelope. `socket.io`: Engine.IO 4 over WebSocket, one namespace, event `m`, topics ignored. */
export type TargetDialect = 'raw' | 'fanwire.v1' | 'socket.io';

/** The URL of a topic on one of the target's servers; a query in `base` (a token) is kept. */
export function topicUrl(base: string, topic: string): string {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${encodeURIComponent(topic)}`;
  return url.href;
}

// A target: one or more WebSocket servers under test, which already listen when an engine gets it.

export interface Target {
  /** `fanwire`, a peer's name, or the URL's host. */
  readonly name: string;
  /** '' when it is unknown. */
  readonly version: string;
  /** The command that started it, or the URL. */
  readonly cmd: string;
  /** The build of uWebSockets.js that it uses, if known. */
  readonly uws?: string;
  /** ws:// or wss:// URLs without the topic. Several URLs are the nodes of one cluster; the subscribers of each topic
   *  are spread over all of them. */
  readonly urls: readonly string[];
  /** http:// URL of its admin routes, if a scenario needs them and they are known. */
  readonly adminUrl?: string;
  /** How a topic is addressed and how a message is framed. */
  readonly dialect: TargetDialect;
  /** Processes whose CPU and memory count, including children; empty when the server is on another machine. */
  readonly pids: readonly number[];
  /** How its process ended, if not by `stop`, such as "ended with exit code 1: Error: boom"; undefined while it runs.
   *  */
  ending?(): string | undefined;
  /** Ends what this harness started; resolves when it has exited. The server of a URL target keeps running. */
  stop(): Promise<void>;
}

/** `raw`: the topic is the URL's path, and every frame is a message (fanwire, ws, uWS, nchan, …). `fanwire.v1`:
 *  fanwire's envelope. `socket.io`: Engine.IO 4 over WebSocket, with one namespace and the event `m`; topics are
 *  ignored. */
export type TargetDialect = 'raw' | 'fanwire.v1' | 'socket.io';

/** The URL of a topic on one of the target's servers. The query of `base`, which may hold a token, is kept. */
export function topicUrl(base: string, topic: string): string {
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${encodeURIComponent(topic)}`;
  return url.href;
}

/** `url` for reports and messages: without user, password and query, each of which may be a secret. */
export function shownUrl(url: string): string {
  return url.replace(/\?.*$/s, '').replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1');
}

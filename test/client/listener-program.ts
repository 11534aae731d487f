// Listens to a topic with the client library and says all it learns, a line of JSON each: as a process of Node or Bun
// with the relay's URL and the topic as arguments, or in a page with them in its address. The same program for every
// runtime.
import { FanwireClient } from '../../src/client/index.js';

export interface Said {
  readonly message?: unknown;
  readonly gap?: string;
  readonly live?: number;
}

interface Runtime {
  readonly WebSocket?: unknown;
  readonly location?: { readonly search: string };
}

const runtime = globalThis as Runtime;
const query = new URLSearchParams(runtime.location?.search);
const url = query.get('url') ?? (process.argv[2] as string);
const topic = query.get('topic') ?? (process.argv[3] as string);

function say(line: Said): void {
  console.log(JSON.stringify(line));
}

// Node 20 has none of its own.
const WebSocket = runtime.WebSocket ?? (await import('ws')).WebSocket;
const client = new FanwireClient(url, { WebSocket, backoffBaseMs: 20, backoffCapMs: 200 });
const subscription = client.subscribe(topic);
subscription.on('gap', ({ reason }) => say({ gap: reason }));
subscription.on('live', ({ replayed }) => say({ live: replayed }));
for await (const { data } of subscription) say({ message: data });

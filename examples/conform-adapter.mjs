// The adapter of `fanwire/client` for `fanwire conform` (docs/conformance.md), and one to begin another from:
//
//   fanwire conform -- node examples/conform-adapter.mjs
//
// An argument names another module that has a FanwireClient.
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

const { FanwireClient } = await import(process.argv[2] ?? 'fanwire/client');

const tell = (event, more) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
let client;
const subscriptions = new Map();

const acts = {
  connect({ url, tokens, options }) {
    let asked = 0;
    // One token is a plain string, which cannot be renewed; of several the next is given each time.
    const token = tokens?.length > 1 ? () => tokens[Math.min(asked++, tokens.length - 1)] : tokens?.[0];
    client = new FanwireClient(url, { WebSocket, token, ...options });
    client.on('state', (state) => tell('state', { state }));
  },
  subscribe({ topic, history }) {
    const subscription = client.subscribe(topic, undefined, { history });
    subscriptions.set(topic, subscription);
    subscription.on('message', ({ data }) => tell('message', { topic, ...content(data) }));
    subscription.on('gap', ({ reason }) => tell('gap', { topic, reason }));
    subscription.on('live', () => tell('live', { topic }));
    (async () => {
      for await (const _ of subscription);
    })().catch(({ code }) => tell('ended', { topic, code }));
  },
  unsubscribe({ topic }) {
    subscriptions.get(topic).unsubscribe();
  },
  publish({ ref, topic, data, base64 }) {
    client.publish(topic, base64 === undefined ? data : Buffer.from(base64, 'base64')).then(
      ({ seq }) => tell('published', { ref, seq }),
      ({ code }) => tell('failed', { ref, code }),
    );
  },
  close() {
    client.close();
  },
};

const content = (data) => (data instanceof Uint8Array ? { base64: Buffer.from(data).toString('base64') } : { data });

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line);
    acts[command.do](command);
  })
  .on('close', () => process.exit(0));

const can = ['publish', 'history', 'token', 'tokens', 'refusals'];
tell('ready', { name: 'fanwire/client', can });

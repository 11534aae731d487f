// Peer: Bun, with the native pub/sub its "WebSockets" page shows; the topic is the URL's path.
// Usage: bun bun.mjs PORT

/* global Bun */
const port = Number(process.argv[2]);

Bun.serve({
  hostname: '127.0.0.1',
  port,
  fetch(req, server) {
    const topic = new URL(req.url).pathname;
    if (server.upgrade(req, { data: { topic } })) return;
    return new Response('Upgrade failed', { status: 400 });
  },
  websocket: {
    open(ws) {
      ws.subscribe(ws.data.topic);
    },
    message(ws, message) {
      ws.publish(ws.data.topic, message);
    },
  },
});
console.log(`ready on ${port}`);

// Peer: uWebSockets.js, with publish in the message handler as its PubSub example shows; the topic is the URL's path.
// maxBackpressure is raised from 64 KiB to the 1 MiB that fanwire has by default: with less it would drop sooner.
// Usage: node uws.mjs PORT

import uWS from 'uWebSockets.js';

const port = Number(process.argv[2]);

uWS
  .App()
  .ws('/*', {
    maxBackpressure: 1024 * 1024,
    upgrade: (res, req, context) => {
      res.upgrade(
        { topic: req.getUrl() },
        req.getHeader('sec-websocket-key'),
        req.getHeader('sec-websocket-protocol'),
        req.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open: (ws) => {
      ws.subscribe(ws.getUserData().topic);
    },
    message: (ws, message, isBinary) => {
      ws.publish(ws.getUserData().topic, message, isBinary);
    },
  })
  .listen('127.0.0.1', port, (listening) => {
    if (!listening) throw new Error(`cannot listen on ${port}`);
    console.log(`ready on ${port}`);
  });

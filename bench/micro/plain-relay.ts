// A relay as the uWebSockets.js documentation shows it, publishing inside the message handler. `fanout.ts` compares
// fanwire with it.
import type * as Uws from 'uWebSockets.js';
import { App, us_socket_local_port } from '../../src/relay/uws.js';

// With topics as strings, which is the usual way.
(App() as unknown as Uws.TemplatedApp)
  .ws<{ topic: string }>('/*', {
    maxPayloadLength: 1024 * 1024,
    maxBackpressure: 64 * 1024 * 1024,
    upgrade: (res, req, context) =>
      res.upgrade({ topic: req.getUrl() }, req.getHeader('sec-websocket-key'), '', '', context),
    open: (ws) => {
      ws.subscribe(ws.getUserData().topic);
    },
    message: (ws, message, isBinary) => {
      ws.publish(ws.getUserData().topic, message, isBinary);
    },
  })
  .listen('127.0.0.1', 0, (socket) => {
    console.log(JSON.stringify({ port: us_socket_local_port(socket as never) }));
  });

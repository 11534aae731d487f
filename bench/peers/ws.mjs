// Peer: ws, with the broadcast its README shows ("Server broadcast", the sender left out).
// Usage: node ws.mjs PORT

import WebSocket, { WebSocketServer } from 'ws';

const port = Number(process.argv[2]);
const wss = new WebSocketServer({ host: '127.0.0.1', port }, () => console.log(`ready on ${port}`));

wss.on('connection', (ws) => {
  ws.on('error', console.error);
  ws.on('message', (data, isBinary) => {
    wss.clients.forEach((client) => {
      if (client !== ws && client.readyState === WebSocket.OPEN) {
        client.send(data, { binary: isBinary });
      }
    });
  });
});

// Peer: Socket.IO, with `socket.broadcast.emit` as its "Broadcasting events" page shows (everyone but the sender).
// Usage: node socketio.mjs PORT

import { createServer } from 'node:http';
import { Server } from 'socket.io';

const port = Number(process.argv[2]);
const httpServer = createServer();
const io = new Server(httpServer);

io.on('connection', (socket) => {
  socket.on('m', (message) => {
    socket.broadcast.emit('m', message);
  });
});

httpServer.listen(port, '127.0.0.1', () => console.log(`ready on ${port}`));

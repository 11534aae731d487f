// A client program for tests to stop: opens sockets on a relay, answers its pings, says `open`, and goes on.
import { WebSocket } from 'ws';

const [url = '', count = '0'] = process.argv.slice(2);
const opened = Array.from({ length: Number(count) }, () => {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  socket.on('error', () => {});
  return new Promise((resolve) => socket.once('open', resolve));
});
await Promise.all(opened);
process.stdout.write('open\n');

// Prices of 200 symbols, 2,000 updates a second, for ticker.html: `node examples/ticker-feed.mjs [ws://127.0.0.1:9001] [seconds]`.
import { WebSocket } from 'ws';

const [url = 'ws://127.0.0.1:9001', seconds = '600'] = process.argv.slice(2);
const SYMBOLS = 200;
const UPDATES_PER_S = 2000;
const TICK_MS = 5;

const prices = Array.from({ length: SYMBOLS }, (_, n) => ({ symbol: `S${String(n).padStart(3, '0')}`, price: 100 }));
const socket = new WebSocket(url, 'fanwire.v1', { perMessageDeflate: false });
socket.on('error', (error) => {
  console.error(`cannot publish to ${url}: ${error.message}`);
  process.exit(1);
});
socket.on('open', () => {
  const startedAt = performance.now();
  let published = 0;
  const timer = setInterval(() => {
    const elapsedS = (performance.now() - startedAt) / 1000;
    for (const due = Math.floor(elapsedS * UPDATES_PER_S); published < due; published++) {
      const each = prices[published % SYMBOLS];
      each.price = Math.max(1, each.price + Math.random() - 0.5);
      const data = { ...each, atMs: Date.now() };
      socket.send(JSON.stringify({ op: 'pub', topic: 'prices/demo', key: each.symbol, data }));
    }
    if (elapsedS < Number(seconds)) return;
    clearInterval(timer);
    socket.close();
  }, TICK_MS);
});

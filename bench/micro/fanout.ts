// `npm run bench:fanout`: the relay's fan-out compared with ws.publish in the handler, interleaved in one run, as
// ratios.
//
// Both servers run on one core, the driver on another. One publisher keeps `window` messages in flight: it sends a
// burst in one write, and the next when every subscriber has received all of it. Deliveries per second are measured
// at the driver, CPU per delivery at the server.
import { fileURLToPath } from 'node:url';
import { pinIfPossible } from '../measure/pinning.js';
import { signalChild } from '../system/signal-child.js';
import { type FanOutCase, printRatiosOverStarts } from './pairs.js';
import { startRelay, startServer } from './server-process.js';

const bursts: FanOutCase[] = [64, 256].map((window) => ({ fanOut: 500, bytes: 64, window }));
const grid: FanOutCase[] = [2, 100, 500, 5000].flatMap((fanOut) =>
  [64, 1024, 20_000].flatMap((bytes) => [1, 8, 16].map((window) => ({ fanOut, bytes, window }))),
);

/** Which rows to play: `bursts`, or names such as `100x64x16,2x64x8` (fan-out, bytes, window); all rows unless given.
 *  */
function chosen(names: string | undefined): FanOutCase[] {
  if (names === undefined) return [...bursts, ...grid];
  if (names === 'bursts') return bursts;
  return names.split(',').map((name) => {
    const [fanOut = 0, bytes = 0, window = 0] = name.split('x').map(Number);
    return { fanOut, bytes, window };
  });
}

const plainRelay = fileURLToPath(new URL('./plain-relay.js', import.meta.url));
pinIfPossible(process.pid, 1);
await printRatiosOverStarts(chosen(process.argv[2]), async () => {
  const relay = await startRelay(['--max-backpressure', '64m']);
  const plain = await startServer([plainRelay]);
  const path = 'bench';
  return {
    ours: { name: 'fanwire', server: relay, path },
    theirs: { name: 'plain', server: plain, path },
    stop: () => {
      for (const server of [relay, plain]) signalChild(server.process, 'SIGKILL');
    },
  };
});
process.exit(0);

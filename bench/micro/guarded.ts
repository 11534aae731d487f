// `npm run bench:guarded`: what authentication, limits and metrics cost on the hot path, compared with the bare
// relay, interleaved.
//
// The guarded relay checks a token's permissions for every message, applies publish and byte rates (too high to ever
// be reached), limits connections, and is scraped once a second, as in production.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pinIfPossible } from '../measure/pinning.js';
import { signalChild } from '../system/signal-child.js';
import { type FanOutCase, printRatios } from './pairs.js';
import { startRelay } from './server-process.js';

const cases: FanOutCase[] = [2, 100, 500].flatMap((fanOut) =>
  [1, 8, 64].map((window) => ({ fanOut, bytes: 64, window })),
);
const TOKEN = 'bench-token-of-no-secrecy';

const folder = mkdtempSync(join(tmpdir(), 'fanwire-guarded-'));
const tokens = join(folder, 'tokens.json');
writeFileSync(tokens, JSON.stringify({ tokens: [{ token: TOKEN, sub: ['bench*'], pub: ['bench*'] }] }));
pinIfPossible(process.pid, 1);
const bare = await startRelay(['--max-backpressure', '64m']);
const guarded = await startRelay([
  ...['--max-backpressure', '64m', '--auth', 'static', '--tokens-file', tokens],
  ...['--max-publish-rate', '10000000', '--max-publish-bytes', '1024m', '--max-connections', '100000'],
  ...['--max-connections-per-ip', '100000', '--handshake-rate', '100000', '--max-topics', '100000'],
]);
const scrape = setInterval(() => {
  fetch(`http://127.0.0.1:${guarded.adminPort}/metrics`).then(
    (answer) => answer.text(),
    () => {},
  );
}, 1000);
try {
  await printRatios(
    cases,
    { name: 'guarded', server: guarded, path: `bench?token=${TOKEN}` },
    { name: 'bare', server: bare, path: 'bench' },
  );
} finally {
  clearInterval(scrape);
  for (const server of [bare, guarded]) signalChild(server.process, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

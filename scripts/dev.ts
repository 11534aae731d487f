// `npm run dev`: compiles on every change and starts the relay anew with what came out; flags after `--` go to `fanwire
// serve`.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { signalChild } from '../bench/system/signal-child.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SERVE = ['--watch', '--watch-preserve-output', 'dist/src/cli.js', 'serve', '--drain-ms', '100'];
const COMPILE = ['tsc', '-p', 'tsconfig.json', '--watch', '--preserveWatchOutput'];

const children = [
  spawn('npx', COMPILE, { cwd: ROOT, stdio: 'inherit' }),
  spawn(process.execPath, [...SERVE, ...process.argv.slice(2)], { cwd: ROOT, stdio: 'inherit' }),
];
// Either one's end is the end of both; a signal from the terminal reaches them all.
for (const child of children) {
  child.on('error', (error) => {
    process.stderr.write(`npm run dev: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', () => {
    for (const other of children) signalChild(other, 'SIGTERM');
  });
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of children) signalChild(child, signal);
  });
}

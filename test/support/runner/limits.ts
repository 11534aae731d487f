// Preloaded into every test file (node --import): no test, hook or file outlives its limit, and what ends it names the
// test.
//
// node:test has a limit for each test only from Node 24 on (`--test-timeout`; before, that flag is a limit of the whole
// file), and none that reaches a test which blocks its thread, or a file whose tests have ended and which stays for
// what they left open. So the file's `node:test` is the one of limited-test.js, and a thread beside it ends the process
// when time is over. Its `fast-check` is the one of properties.js, whose seed and number of runs can be given.

import * as module from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { type Instead, standIn } from './stand-in.js';

const isTestFile = isMainThread && /\.test\.js$/.test(process.argv[1] ?? '') && !process.execArgv.includes('--test');

interface SyncHooks {
  resolve(specifier: string, context: { parentURL?: string }, next: NextResolve): { url: string };
}
type NextResolve = (specifier: string, context: object) => { url: string };

if (isTestFile) {
  const instead: Instead = {
    'node:test': new URL('./limited-test.js', import.meta.url).href,
    'fast-check': new URL('./properties.js', import.meta.url).href,
  };
  // Synchronous hooks came with Node 22.15; the older ones are on their way out.
  const { registerHooks } = module as unknown as { registerHooks?: (hooks: SyncHooks) => void };
  if (registerHooks !== undefined) {
    registerHooks({
      resolve: (specifier, context, next) => {
        const url = standIn(instead, specifier, context.parentURL);
        return url === undefined ? next(specifier, context) : { ...next(url, context), url };
      },
    });
  } else {
    module.register('./resolve-hook.js', import.meta.url, { data: instead });
  }
}

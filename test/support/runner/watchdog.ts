// Tells a thread beside the tests what begins and ends, so that it can end the process when the tests' own thread no
// longer can.
import { Worker } from 'node:worker_threads';

export type Message =
  | { readonly begun: number; readonly name: string; readonly limitMs: number }
  | { readonly ended: number };

const thread = new Worker(new URL('./watchdog-thread.js', import.meta.url), {
  execArgv: [],
  workerData: { pid: process.pid, file: process.argv[1] ?? '' },
});
thread.unref();
let last = 0;

/** A test has begun; the number names it to `ended`. */
export function begun(name: string, limitMs: number): number {
  say({ begun: ++last, name, limitMs });
  return last;
}

export function ended(id: number): void {
  say({ ended: id });
}

function say(message: Message): void {
  thread.postMessage(message);
}

// Required into a server under test by NODE_OPTIONS: profiles its main thread from the start and writes the profile
// when it ends. As `--cpu-prof` does, which writes nothing where SIGTERM ends a process that does not listen for it.

import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const folder = process.env.FANWIRE_PROFILE_FOLDER;
const SAMPLE_US = 500;

if (folder !== undefined && isMainThread) {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  session.post('Profiler.start');
  process.once('exit', () => {
    // Answered before it returns: the session is this thread's own.
    session.post('Profiler.stop', (_error, answer) => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${process.pid}.cpuprofile`), JSON.stringify(answer?.profile ?? null));
    });
  });
  process.on('SIGTERM', () => {
    if (process.listenerCount('SIGTERM') === 1) process.exit(143);
  });
}

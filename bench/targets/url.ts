// A target that already runs: `--url ws://…`, given once, or once for each node of a cluster.

import { FanwireError } from '../../src/base/error.js';
import { shownUrl, type Target, type TargetDialect } from './target.js';

/** Describes running servers. `pids` are their processes if they run on this machine, so that CPU and memory can be
 *  read.
 *  @throws FanwireError FANWIRE_USAGE_BENCH_URL, FANWIRE_USAGE_BENCH_PID */
export function urlTarget(urls: readonly string[], dialect: TargetDialect, pids: readonly number[]): Target {
  for (const url of urls) requireWebSocketUrl(url);
  for (const pid of pids) requireProcess(pid);
  return {
    name: urls.map((url) => new URL(url).host).join(','),
    version: '',
    cmd: urls.map(shownUrl).join(' '),
    urls,
    dialect,
    pids,
    stop: async () => {},
  };
}

function requireWebSocketUrl(url: string): void {
  if (URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)) return;
  throw new FanwireError('FANWIRE_USAGE_BENCH_URL', `--url must be a ws:// or wss:// URL, got ${shownUrl(url)}`);
}

function requireProcess(pid: number): void {
  try {
    process.kill(pid, 0); // signal 0 only checks that the process exists
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') return; // it exists, but belongs to another user
    throw new FanwireError('FANWIRE_USAGE_BENCH_PID', `--server-pid ${pid} is no process of this machine`);
  }
}

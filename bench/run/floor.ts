// The meter's own length: what an engine measures of a server that does nothing, on this machine, at this moment. It is
// part of every latency of the run that follows, and reports say so.

import { fileURLToPath } from 'node:url';
import type { Engine } from '../engines/engine.js';
import { percentileMs } from '../measure/histogram.js';
import type { Result } from '../result/result.js';
import type { Plan } from '../scenarios/scenario.js';
import { freePort } from '../system/free-port.js';
import { ServerProcess } from '../targets/server-process.js';
import type { Target } from '../targets/target.js';

const SERVER = fileURLToPath(new URL('../targets/echo-server.js', import.meta.url));
/** One subscriber: what more of them cost is the server's sending as much as the meter's reading. */
const PLAN: Partial<Plan> = {
  subscribers: 1,
  publishers: 1,
  topics: 1,
  burst: 1,
  warmupS: 0.3,
  durationS: 1.2,
  drainS: 0.5,
  connectRate: 0,
  churnRate: 0,
  stormFraction: 0,
  stalledSubscribers: 0,
  keys: 0,
  generators: 1,
};
const SLOWEST = 50;
const FASTEST = 200;
/** What the echo takes in one frame, and more. */
const MOST_BYTES = 16_384;

/** Measures it in two seconds; undefined where it cannot be (it never fails a run).
 *  @throws the signal's reason when it is aborted */
export async function measureFloor(
  engine: Engine,
  plan: Plan,
  cores: readonly number[],
  signal: AbortSignal,
): Promise<Result['generator']['floorMs']> {
  let server: ServerProcess | undefined;
  try {
    const port = await freePort();
    server = await ServerProcess.listening(port, [process.execPath, SERVER, String(port)], {}, cores);
    const rate = Math.min(FASTEST, Math.max(SLOWEST, plan.rate / plan.burst));
    const small = { ...plan, ...PLAN, rate, payloadBytes: Math.min(plan.payloadBytes, MOST_BYTES) };
    const target: Target = {
      name: 'echo',
      version: '',
      cmd: '',
      urls: [`ws://127.0.0.1:${port}`],
      dialect: 'raw',
      pids: [server.pid],
      stop: async () => {},
    };
    const hooks = { progress: () => {}, phase: () => {}, signal };
    const { latencyUs } = await engine.play(small, target, hooks);
    return { p50: percentileMs(latencyUs, 50), p99: percentileMs(latencyUs, 99) };
  } catch {
    signal.throwIfAborted();
    return undefined;
  } finally {
    await server?.stop();
  }
}

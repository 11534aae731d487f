// Finds the k6 to run and makes sure it can run our scripts.

import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { FanwireError } from '../../../src/base/error.js';
import { isExecutable } from '../../system/find-program.js';

/** All five scripts were run on v1.8.1 and v2.2.0. Older versions are untested. */
const OLDEST: readonly [major: number, minor: number] = [1, 8];
const INSTALL =
  'install k6 v1.8 or newer (https://grafana.com/docs/k6/latest/set-up/install-k6/) or point K6_BIN at it, or use --engine native';

export interface K6 {
  readonly path: string;
  /** Such as v2.2.0. */
  readonly version: string;
}

/** Path of k6: K6_BIN, else the first `k6` on PATH; undefined when there is none. */
export function k6Path(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.K6_BIN) return isExecutable(env.K6_BIN) ? env.K6_BIN : undefined;
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, 'k6')).find(isExecutable);
}

/** Path of k6, checked before anything else is started.
 *  @throws FanwireError FANWIRE_USAGE_K6_MISSING */
export function requireK6(env: NodeJS.ProcessEnv = process.env): string {
  const path = k6Path(env);
  if (path !== undefined) return path;
  const where = env.K6_BIN ? `K6_BIN=${env.K6_BIN} is not a program` : 'k6 is not on PATH';
  throw new FanwireError('FANWIRE_USAGE_K6_MISSING', `--engine k6 needs k6, and ${where}: ${INSTALL}`);
}

/** The k6 to use.
 *  @throws FanwireError FANWIRE_USAGE_K6_MISSING, FANWIRE_USAGE_K6_TOO_OLD */
export async function findK6(env: NodeJS.ProcessEnv = process.env): Promise<K6> {
  const path = requireK6(env);
  const version = await versionOf(path);
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version)?.map(Number) ?? [0, 0, 0];
  if ((major as number) > OLDEST[0] || (major === OLDEST[0] && (minor as number) >= OLDEST[1]))
    return { path, version };
  const found =
    version === '' ? 'does not answer `version` as k6 does' : `is k6 ${version} (v1.8.1 and v2.2.0 were tried)`;
  throw new FanwireError('FANWIRE_USAGE_K6_TOO_OLD', `${path} ${found}: ${INSTALL}`);
}

async function versionOf(path: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(path, ['version'], { timeout: 10_000 });
    // The name is that of k6's own file: "k6-linux v2.2.0 (commit/…, go1.25, linux/amd64)".
    return /^\S+ (v\d+\.\d+\.\d+\S*) \(.*\bgo\d/m.exec(stdout)?.[1] ?? '';
  } catch {
    return '';
  }
}

// Finds what peers are made of (tools, npm packages) and compiles those that are source, once per source and command.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/** Compiled peers; safe to delete at any time. */
const CACHE = fileURLToPath(new URL('../../../.cache/peers/', import.meta.url));
const TOOL_TIMEOUT_MS = 10_000;
const COMPILE_TIMEOUT_MS = 120_000;

/** What `pattern` finds in the tool's output; undefined when the tool is not there or fails. */
export function toolVersion(tool: string, args: readonly string[], pattern: RegExp): string | undefined {
  const { status, stdout, stderr } = spawnSync(tool, args, { encoding: 'utf8', timeout: TOOL_TIMEOUT_MS });
  if (status !== 0) return undefined;
  return pattern.exec(stdout || stderr)?.[1];
}

/** The folder of an installed npm package; undefined when it is not installed. */
function nodePackage(name: string): string | undefined {
  for (const modules of require.resolve.paths(name) ?? []) {
    if (existsSync(join(modules, name, 'package.json'))) return join(modules, name);
  }
  return undefined;
}

export function installedVersion(packageName: string): string | undefined {
  const folder = nodePackage(packageName);
  if (folder === undefined) return undefined;
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;
}

export type Compiled = { readonly ok: true; readonly binary: string } | { readonly ok: false; readonly reason: string };

/** Runs `command(output)` in `folder` unless a binary of these very sources and this command is already there. */
export function compile(
  sources: readonly string[],
  folder: string,
  command: (output: string) => readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Compiled {
  const hash = createHash('sha256').update(JSON.stringify([command(''), environment, process.arch]));
  for (const source of sources) hash.update(readFileSync(join(folder, source)));
  const binary = join(CACHE, `${sources[0]?.replace(/\W/g, '-')}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(binary)) return { ok: true, binary };
  // Renamed when whole: two runs at once must never start half a binary.
  const unfinished = `${binary}.${process.pid}`;
  const [tool = '', ...args] = command(unfinished);
  const env = { ...process.env, GOCACHE: join(CACHE, 'go'), ...environment };
  try {
    mkdirSync(dirname(binary), { recursive: true });
    execFileSync(tool, args, { cwd: folder, env, timeout: COMPILE_TIMEOUT_MS, stdio: ['ignore', 'ignore', 'pipe'] });
    renameSync(unfinished, binary);
  } catch (error) {
    const { stderr, message } = error as { stderr?: Buffer; message?: string };
    const text = (stderr?.toString() || message || String(error)).trim();
    return { ok: false, reason: `${tool} cannot compile ${sources[0]}: ${text.split('\n')[0]}` };
  }
  return { ok: true, binary };
}

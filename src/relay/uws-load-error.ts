// Explains in one line why no uWebSockets.js binary loads on this machine, and how to fix it.

import { FanwireError } from '../base/error.js';

/** The properties of the running process that a prebuilt binary has to match. */
export interface Platform {
  readonly platform: string;
  readonly arch: string;
  readonly node: string;
  readonly abi: string;
  /** glibc's version; undefined on macOS, and on Linux with another libc (Alpine's musl). */
  readonly glibc: string | undefined;
  /** Set if the runtime is Bun. */
  readonly bun?: string | undefined;
}

/** The lowest glibc version that the binaries for the supported Node versions need, by ABI. */
const LEAST_GLIBC: Record<string, string> = { 115: '2.27', 127: '2.38', 137: '2.38' };

const OFFICIAL =
  'or swap in an official build that asks for glibc 2.33 only, by one line of package.json: ' +
  '"uWebSockets.js": "github:uNetworking/uWebSockets.js#v20.52.0", then npm install';

export function currentPlatform(): Platform {
  const { bun, node, modules: abi } = process.versions;
  const report = bun === undefined ? (process.report.getReport() as { header?: { glibcVersionRuntime?: string } }) : {};
  return { platform: process.platform, arch: process.arch, node, abi, glibc: report.header?.glibcVersionRuntime, bun };
}

/** The one-line error for a uWebSockets.js that would not load on `at`, for the reason `cause`. */
export function uwsLoadError(cause: unknown, at: Platform): FanwireError {
  const lines = String(cause instanceof Error ? cause.message : cause).split('\n');
  // The last line that is not part of the list of modules that required it.
  const reason = lines.findLast((line) => /\S/.test(line) && !/^(- |Require stack:)/.test(line)) ?? 'unknown';
  return new FanwireError(
    'FANWIRE_UWS_LOAD',
    `uWebSockets.js has no binary that loads on ${described(at)}. ${mendFor(at)}. Reason: ${reason.trim()}`,
  );
}

function described({ platform, arch, node, abi, glibc, bun }: Platform): string {
  if (bun !== undefined) return `Bun ${bun}`;
  const libc = platform === 'linux' ? `, ${glibc ? `glibc ${glibc}` : 'no glibc (musl?)'}` : '';
  return `${platform}-${arch}, Node ${node} (ABI ${abi})${libc}`;
}

function mendFor({ platform, abi, glibc, bun }: Platform): string {
  if (bun !== undefined) return 'The relay runs on Node: start it with Node 20, 22 or 24; clients may run on Bun';
  if (platform === 'linux' && glibc === undefined) {
    return 'Alpine and other systems with musl have none: use one with glibc, such as Debian or Ubuntu (node:24-trixie-slim, not node:24-alpine)';
  }
  const least = LEAST_GLIBC[abi];
  if (least === undefined) return 'There is none for this version of Node: use Node 20, 22 or 24';
  if (glibc !== undefined && isOlder(glibc, least)) {
    const others = least === '2.27' ? '' : 'use Node 20 (glibc 2.27), ';
    return `The one for this Node asks for glibc ${least}: ${others}Debian 13 or Ubuntu 24.04; ${OFFICIAL}`;
  }
  return `Use Linux (glibc) on x64 or arm64, or macOS, with Node 20, 22 or 24, and install again (npm ci); ${OFFICIAL}`;
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [least = 0, leastMinor = 0] = than.split('.').map(Number);
  return major < least || (major === least && minor < leastMinor);
}

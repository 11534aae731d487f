// How many cores this process may use: those it is scheduled on, or fewer if a CPU quota applies (a container's --cpus,
// a pod's limit, systemd's CPUQuota=). Node counts cores only; with one thread per core under a quota of half a core,
// the threads are throttled for most of each 100 ms.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/** A whole number of threads, at least 1: a quota of 2.5 cores keeps two busy, and would throttle three. */
export function usableCores(cores = availableParallelism(), quota = cpuQuota()): number {
  return Math.max(1, Math.min(cores, Math.floor(quota)));
}

/** The quota in cores (0.5), Infinity where there is none. The quotas of the nearest group and all above it apply, so
 *  the smallest counts.
 *  @param root where /proc and /sys begin; another one only in tests */
export function cpuQuota(root = '/'): number {
  const groups = read(join(root, 'proc/self/cgroup')).split('\n');
  const mounts = read(join(root, 'proc/self/mountinfo')).split('\n').map(mountOf);
  let least = Number.POSITIVE_INFINITY;
  for (const line of groups) {
    // `4:cpu,cpuacct:/docker/1f…` in version 1 of control groups, `0::/kubepods/…` in version 2.
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    const isUnified = controllers === '';
    if (!isUnified && !controllers.split(',').includes('cpu')) continue;
    const mount = mounts.find((each) =>
      isUnified ? each?.type === 'cgroup2' : each?.type === 'cgroup' && each.controllers.includes('cpu'),
    );
    if (mount === undefined) continue;
    for (const folder of upFrom(within(path, mount.root))) {
      const group = join(root, mount.point, folder);
      least = Math.min(least, isUnified ? quotaOfVersion2(group) : quotaOfVersion1(group));
    }
  }
  return least;
}

interface Mount {
  /** The group that is seen at `point`; not `/` where a container sees the host's groups. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly controllers: readonly string[];
}

/** A line of mountinfo, as proc(5) has it: `32 31 0:29 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu` */
function mountOf(line: string): Mount | undefined {
  const [left = '', right = ''] = line.split(' - ');
  const [, , , root, point] = left.split(' ');
  const [type, , options = ''] = right.split(' ');
  if (root === undefined || point === undefined || type === undefined) return undefined;
  return { root, point, type, controllers: options.split(',') };
}

/** The group's path below the mount. Where it lies outside (`/../…`: a group of another namespace) the mount's own
 *  group is the one. */
function within(path: string, root: string): string {
  if (path.split('/').includes('..')) return '/';
  if (root === '/') return path;
  if (path === root) return '/';
  return path.startsWith(`${root}/`) ? path.slice(root.length) : '/';
}

/** `/a/b`, `/a`, `/` */
function upFrom(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((_, index) => `/${names.slice(0, names.length - index).join('/')}`).concat('/');
}

/** `cpu.max` is `50000 100000` or `max 100000`; the root group has none. */
function quotaOfVersion2(group: string): number {
  const [quota = '', period = ''] = read(join(group, 'cpu.max')).trim().split(' ');
  return cores(quota, period);
}

function quotaOfVersion1(group: string): number {
  return cores(read(join(group, 'cpu.cfs_quota_us')).trim(), read(join(group, 'cpu.cfs_period_us')).trim());
}

/** No limit is `max` or -1. */
function cores(quotaUs: string, periodUs: string): number {
  const [quota, period] = [Number(quotaUs), Number(periodUs)];
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}

/** Empty where the file is not there: not Linux, or a group without limits. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

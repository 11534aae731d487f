// The CPU quota of control groups: as the files of both versions say it, and on a real group where this process may
// make one.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cpuQuota, usableCores } from '../../src/base/cpu-quota.js';

/** A root folder with these files. */
function machine(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'fanwire-quota-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  }
  return root;
}

const UNIFIED = '30 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate';
const CPU_V1 = '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct';

test('version 2: the least quota of the group and those above it counts', (t) => {
  const files = {
    'proc/self/cgroup': '0::/kubepods.slice/pod1/fanwire',
    'proc/self/mountinfo': `22 1 8:1 / / rw - ext4 /dev/sda rw\n${UNIFIED}`,
    'sys/fs/cgroup/kubepods.slice/pod1/fanwire/cpu.max': 'max 100000',
    'sys/fs/cgroup/kubepods.slice/pod1/cpu.max': '150000 100000',
    'sys/fs/cgroup/kubepods.slice/cpu.max': '800000 100000',
  };
  assert.equal(cpuQuota(machine(t, files)), 1.5);
  const inner = { ...files, 'sys/fs/cgroup/kubepods.slice/pod1/fanwire/cpu.max': '25000 50000' };
  assert.equal(cpuQuota(machine(t, inner)), 0.5);
});

test('version 1: quota and period are files of their own, and -1 is no limit', (t) => {
  const files = {
    'proc/self/cgroup': '9:name=systemd:/\n4:memory:/docker/1f\n3:cpu,cpuacct:/docker/1f\n0::/',
    'proc/self/mountinfo': `${CPU_V1}\n${UNIFIED.replace('/sys/fs/cgroup', '/sys/fs/cgroup/unified')}`,
    'sys/fs/cgroup/cpu,cpuacct/docker/1f/cpu.cfs_quota_us': '300000',
    'sys/fs/cgroup/cpu,cpuacct/docker/1f/cpu.cfs_period_us': '100000',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000',
  };
  assert.equal(cpuQuota(machine(t, files)), 3);
});

test('in a container that sees the host’s groups, and in one of another namespace, the group at the mount counts', (t) => {
  const quota = { 'sys/fs/cgroup/cpu.max': '200000 100000' };
  const bound = machine(t, {
    'proc/self/cgroup': '0::/docker/1f',
    'proc/self/mountinfo': UNIFIED.replace(' / /sys', ' /docker/1f /sys'),
    ...quota,
  });
  assert.equal(cpuQuota(bound), 2);
  const foreign = machine(t, { 'proc/self/cgroup': '0::/../../a', 'proc/self/mountinfo': UNIFIED, ...quota });
  assert.equal(cpuQuota(foreign), 2);
});

test('without control groups there is no quota, and half a core is still one thread', (t) => {
  assert.equal(cpuQuota(machine(t, {})), Number.POSITIVE_INFINITY);
  assert.equal(usableCores(4, Number.POSITIVE_INFINITY), 4);
  assert.equal(usableCores(4, 0.5), 1);
  assert.equal(usableCores(4, 2.9), 2);
  assert.equal(usableCores(2, 8), 2);
});

test('a real group with a quota of half a core gives --workers auto one worker', (t) => {
  const isV1 = existsSync('/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
  const group = join(isV1 ? '/sys/fs/cgroup/cpu' : '/sys/fs/cgroup', `fanwire-test-${process.pid}`);
  try {
    mkdirSync(group);
    t.after(() => rmdirSync(group));
    writeFileSync(join(group, isV1 ? 'cpu.cfs_quota_us' : 'cpu.max'), isV1 ? '50000' : '50000 100000');
  } catch (error) {
    t.skip(`no control group can be made here: ${(error as Error).message}`);
    return;
  }
  const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
  const script = `echo $$ >"$0/cgroup.procs" && exec "$1" "$2" serve --print-config --workers auto`;
  const printed = execFileSync('sh', ['-c', script, group, process.execPath, cli], { encoding: 'utf8' });
  assert.equal(JSON.parse(printed).workers, 1);
});

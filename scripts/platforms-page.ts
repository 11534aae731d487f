// docs/platforms.md, made from what was seen on fresh machines.

/** One machine and user. */
export interface PlayedMachine {
  readonly machine: string;
  readonly user: string;
  readonly npm: string;
  readonly glibc: string;
  readonly uws: string;
  /** From the command to a relay that is ready; null where it never was. */
  readonly readyMs: number | null;
  /** Exit code after Ctrl+C. */
  readonly startCode: number | null;
  /** Exit code of the tests; null where they were not played. */
  readonly testCode: number | null;
  readonly testS: number;
  readonly passed: number;
  readonly failed: number;
  /** Files that failed, and passed when they were played again. */
  readonly passedAgain: number;
  readonly leftOut: number;
  /** Lines such as ` 24  nats-server is not installed: …`. */
  readonly reasons: readonly string[];
}

const HEAD = [
  '| machine | as | npm | glibc | uWebSockets.js | relay ready after | Ctrl+C | tests, time with `npm ci` | passed | failed | left out | seen |',
  '| --- | --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
];

/** The table's rows of a page that was written before. */
export function findPlatformRows(page: string): string[] {
  return page.split('\n').filter((line) => /^\| Debian /.test(line));
}

export function renderPlatforms(
  rows: readonly PlayedMachine[],
  kept: readonly string[],
  host: string,
  at: Date,
): string {
  const fresh = rows.map((row) => rowOf(row, at));
  const keys = new Set(fresh.map(keyOf));
  const all = [...fresh, ...kept.filter((line) => !keys.has(keyOf(line)))].sort();
  const last = rows.findLast(({ reasons }) => reasons.length > 0);
  return [
    '# Fresh machines',
    '',
    'What a newcomer meets: the two commands of the [README](../README.md), word by word, in a new clone and a home folder that nobody has used,',
    'on a Debian of which nothing is installed but its base, and one Node with the npm of its release. `npm run platforms` plays it (Linux, as root,',
    'with debootstrap) and writes this page; its machines are made by `.ci/machine`.',
    '',
    ...HEAD,
    ...all,
    '',
    `Times are of ${host}, shared with whatever else ran. —: not played (--quick).`,
    '',
    ...(last === undefined
      ? []
      : [
          `Left out on ${last.machine} as ${last.user}, and why:`,
          '',
          '```text',
          ...last.reasons.map((line) => line.trim()),
          '```',
          '',
        ]),
  ].join('\n');
}

function rowOf(row: PlayedMachine, at: Date): string {
  const { machine, user, npm, glibc, uws, readyMs, startCode, testCode, testS, passed, leftOut } = row;
  const failed =
    row.passedAgain === 0 ? `${row.failed}` : `${row.failed} (${row.passedAgain} passed when played again)`;
  const ready = readyMs === null ? 'never' : `${Math.round(readyMs / 1000)} s`;
  const tests = testCode === null ? ['—', '—', '—', '—'] : [minutes(testS), String(passed), failed, String(leftOut)];
  const cells = [
    machine,
    user,
    npm,
    glibc,
    `\`${uws}\``,
    ready,
    `exit ${startCode}`,
    ...tests,
    at.toISOString().slice(0, 10),
  ];
  return `| ${cells.join(' | ')} |`;
}

function minutes(seconds: number): string {
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Machine (without the patch of its Node) and user. */
function keyOf(line: string): string {
  const [, machine = '', user = ''] = line.split('|').map((cell) => cell.trim());
  return `${machine.replace(/(Node \d+).*/, '$1')} ${user}`;
}

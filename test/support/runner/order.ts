// When each test file is played: most wait more than they work, so several run at once; those that take long begin
// first, and those that measure run alone at the end.

import { availableParallelism } from 'node:os';

/** Files that judge a rate, a latency or what a process costs while it is loaded: beside others they would judge the
 *  machine. Each with what it measures. */
export const ALONE: Readonly<Record<string, string>> = {
  'bench/compare/side.test.ts': 'verdicts on two builds, which a busy machine withholds',
  'bench/compare/suite.test.ts': 'the same, of several scenarios',
  'bench/compare/why/why.test.ts': 'where the CPU time of two servers goes',
};

/** Files that take longest: begun last, each would keep `npm test` waiting for it alone. */
export const LONGEST: readonly string[] = [
  'bench/run/bench-command.test.ts',
  'cluster/rules.test.ts',
  'bench/compare/server-faults.test.ts',
  'faults/malformed.test.ts',
  'client/recovery.test.ts',
  'bench/run/native-run.test.ts',
  'bench/compare/comment/comment.test.ts',
  'cli/pub-sub.test.ts',
  'cluster/nodes.test.ts',
  'bench/compare/git-checkout.test.ts',
  'http/live/live-page.test.ts',
  'embedded/embedded.test.ts',
  'bench/history/store.test.ts',
  'client/package.test.ts',
  'cluster/http-order.test.ts',
  'relay/exit/drain.test.ts',
  'bench/compare/checkout.test.ts',
  'http/publish/bodies.test.ts',
  'client/client.test.ts',
  'cluster/history.test.ts',
  'relay/door/certificate-renewal.test.ts',
  'relay/door/quiet-sockets.test.ts',
  'bench/compare/bisect.test.ts',
];

/** How many are played at once. More than there are cores: on two cores a file waits for three quarters of its time. */
export function filesAtOnce(cores = availableParallelism()): number {
  return Math.max(2, cores * 3);
}

/** Those to play side by side, in their order, and those to play alone afterwards.
 *  @param names such as `relay/raw.test.ts` */
export function inOrder(names: readonly string[]): { sideBySide: string[]; alone: string[] } {
  const alone = names.filter((name) => Object.hasOwn(ALONE, name));
  const others = names.filter((name) => !Object.hasOwn(ALONE, name));
  const long = LONGEST.filter((name) => others.includes(name));
  return { sideBySide: [...long, ...others.filter((name) => !long.includes(name))], alone };
}

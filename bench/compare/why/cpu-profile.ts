// A CPU profile of V8 as stacks with the time spent in each, named alike for two checkouts of one program.
// https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** µs of CLOCK_MONOTONIC. */
  readonly startTime: number;
  readonly samples: readonly number[];
  /** µs since the sample before. */
  readonly timeDeltas: readonly number[];
}

/** µs of CPU by stack: frames from the outermost in, each the function, a tab and its file, joined by ";". */
export type Stacks = ReadonlyMap<string, number>;

/** V8's names for time in which no JavaScript ran. */
const IDLE = '(idle)';

/** All profiles in `folder`, several where a server has child processes, from `fromUs` (CLOCK_MONOTONIC) on: what
 *  loading and compiling the program took is no part of a delivery. */
export function readStacks(folder: string, checkout: string | undefined, fromUs: number): Stacks {
  const all = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile | null)
    .flatMap((profile) => (profile === null ? [] : [stacksOf(profile, checkout, fromUs)]));
  return addStacks(all);
}

export function addStacks(all: readonly Stacks[]): Stacks {
  const sum = new Map<string, number>();
  for (const stacks of all) for (const [stack, us] of stacks) sum.set(stack, (sum.get(stack) ?? 0) + us);
  return sum;
}

function stacksOf(
  { nodes, samples, timeDeltas, startTime }: Profile,
  checkout: string | undefined,
  fromUs: number,
): Stacks {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const stacks = new Map<number, string | undefined>();
  const stackOf = (id: number): string | undefined => {
    if (stacks.has(id)) return stacks.get(id);
    const node = byId.get(id);
    const parent = parents.get(id);
    const above = parent === undefined ? undefined : stackOf(parent);
    const name = node === undefined || parent === undefined ? undefined : frameName(node, checkout);
    const stack = name === undefined || name === IDLE ? undefined : above === undefined ? name : `${above};${name}`;
    stacks.set(id, stack);
    return stack;
  };
  const time = new Map<string, number>();
  let at = startTime;
  samples.forEach((id, i) => {
    at += timeDeltas[i] ?? 0;
    const stack = at < fromUs ? undefined : stackOf(id);
    if (stack !== undefined) time.set(stack, (time.get(stack) ?? 0) + Math.max(0, timeDeltas[i + 1] ?? 0));
  });
  return time;
}

/** Without line numbers, which every change above moves, and without the folder, which is another one for each side. */
function frameName({ callFrame }: ProfileNode, checkout: string | undefined): string {
  const { functionName, url } = callFrame;
  const path = url.replace(/^file:\/\//, '');
  const inside = checkout !== undefined && path.startsWith(`${checkout}/`) ? path.slice(checkout.length + 1) : path;
  const word = (text: string): string => text.replace(/[;\t\n]/g, ' ');
  const name = word(functionName || '(anonymous)');
  return inside === '' ? name : `${name}\t${word(inside)}`;
}

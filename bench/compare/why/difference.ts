// What two profiles say of a change: the functions whose time a delivery changed most, and a flame graph of the head
// coloured by it.

import type { Stacks } from './cpu-profile.js';

/** CPU of one side, and what it was spent on. */
export interface Profiled {
  readonly stacks: Stacks;
  readonly deliveries: number;
}

export interface FunctionChange {
  /** The function, a tab and its file: "publish\tdist/src/relay/fanout.js". */
  readonly name: string;
  /** ns of its own (callees not counted) a delivery. */
  readonly baseNs: number;
  readonly headNs: number;
}

export interface FlameNode {
  readonly name: string;
  /** ns a delivery of the head, callees included; `change`: more than the base's by so much. */
  readonly ns: number;
  readonly change: number;
  readonly children: readonly FlameNode[];
}

/** Functions whose time changed most, and where all of it went. */
export interface Difference {
  readonly functions: readonly FunctionChange[];
  readonly flame: FlameNode;
}

export interface Why extends Difference {
  /** Pairs that were played with a profiler, beside the measured ones. */
  readonly pairs: number;
  readonly scenario: string;
  /** Native code and the kernel, JavaScript being one of their functions; undefined where perf cannot record. */
  readonly native?: Difference;
  /** What else differs: "lock file: ws 8.17.0 → 8.18.0". */
  readonly differences: readonly string[];
}

const MOST_FUNCTIONS = 15;
/** What is narrower in both is not drawn. */
const LEAST_SHARE = 0.003;

export function differenceOf(base: Profiled, head: Profiled): Difference {
  return { functions: topFunctions(base, head), flame: flameOf(base, head) };
}

/** A smaller change of a delivery is shown as none. */
const LEAST_CHANGE_NS = 0.05;

export function topFunctions(base: Profiled, head: Profiled): FunctionChange[] {
  const [before, after] = [selfTimes(base), selfTimes(head)];
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names]
    .map((name) => ({ name, baseNs: before.get(name) ?? 0, headNs: after.get(name) ?? 0 }))
    .filter(({ baseNs, headNs }) => Math.abs(headNs - baseNs) >= LEAST_CHANGE_NS)
    .sort((a, b) => Math.abs(b.headNs - b.baseNs) - Math.abs(a.headNs - a.baseNs))
    .slice(0, MOST_FUNCTIONS);
}

function selfTimes({ stacks, deliveries }: Profiled): Map<string, number> {
  const times = new Map<string, number>();
  for (const [stack, us] of stacks) {
    const name = stack.slice(stack.lastIndexOf(';') + 1);
    times.set(name, (times.get(name) ?? 0) + (us * 1000) / deliveries);
  }
  return times;
}

interface Growing {
  base: number;
  head: number;
  readonly children: Map<string, Growing>;
}

export function flameOf(base: Profiled, head: Profiled): FlameNode {
  const root: Growing = { base: 0, head: 0, children: new Map() };
  const add = ({ stacks, deliveries }: Profiled, side: 'base' | 'head'): void => {
    for (const [stack, us] of stacks) {
      const ns = (us * 1000) / deliveries;
      root[side] += ns;
      let at = root;
      for (const name of stack.split(';')) {
        let next = at.children.get(name);
        if (next === undefined) {
          next = { base: 0, head: 0, children: new Map() };
          at.children.set(name, next);
        }
        next[side] += ns;
        at = next;
      }
    }
  };
  add(base, 'base');
  add(head, 'head');
  return pruned('all', root, Math.max(root.head, root.base) * LEAST_SHARE);
}

function pruned(name: string, node: Growing, least: number): FlameNode {
  const children = [...node.children]
    .filter(([, { base, head }]) => Math.max(base, head) >= least)
    .map(([child, inner]) => pruned(child, inner, least))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return { name, ns: round(node.head), change: round(node.head - node.base), children };
}

function round(ns: number): number {
  return Math.round(ns * 10) / 10;
}

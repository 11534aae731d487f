// What interleaved rounds say: per server the median of each figure and its ratio to the base of the same round. Pure.
//
// A ratio is taken within a round, where both ran minutes apart at most, and then its median over rounds: a machine
// that drifts by a factor of two in an hour moves both. The spread (least to most) is printed beside it, always.

import type { Result } from '../result/result.js';

/** One run of one server in one round. */
export interface ServerRun {
  readonly server: string;
  readonly scenario: string;
  readonly round: number;
  /** undefined: the run did not come about. */
  readonly result: Result | undefined;
  /** Why not. */
  readonly failure?: string;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Standing {
  readonly server: string;
  readonly version: string;
  /** Rounds whose run was valid, of all rounds. */
  readonly valid: number;
  readonly rounds: number;
  readonly p50Ms: Spread | null;
  readonly p99Ms: Spread | null;
  readonly cpuPerMillionS: Spread | null;
  /** Of scenarios whose messages are about keys. */
  readonly staleP50Ms: Spread | null;
  readonly staleP99Ms: Spread | null;
  /** CPU while messages were measured ÷ published messages and subscribers, µs. */
  readonly cpuPerUpdateUs: Spread | null;
  /** Of the updates that subscribers could have had. */
  readonly conflatedShare: Spread | null;
  /** server ÷ base of the same round; null for the base and without a round in which both were valid. */
  readonly p99Ratio: Spread | null;
  readonly cpuRatio: Spread | null;
  /** Over all valid rounds. */
  readonly expected: number;
  readonly lost: number;
  /** Why runs were invalid or failed, each once. */
  readonly reasons: readonly string[];
}

type Measure = (result: Result) => number | null;
const p50: Measure = (result) => result.latencyMs.p50;
const p99: Measure = (result) => result.latencyMs.p99;
const staleP50: Measure = (result) => result.staleness?.p50 ?? null;
const staleP99: Measure = (result) => result.staleness?.p99 ?? null;
const conflated: Measure = ({ staleness, expected }) =>
  staleness === undefined ? null : staleness.conflated / Math.max(1, staleness.conflated + expected);
const cpuPerUpdate: Measure = ({ server, published, params }) =>
  server === null ? null : (server.cpuSeconds * 1e6) / Math.max(1, published * Number(params.subscribers));
const cpu: Measure = (result) => result.server?.cpuPerMillionDeliveries ?? null;

/** Standings of one scenario: the base first, then by CPU per delivery, the cheapest first; without a figure last. */
export function standings(runs: readonly ServerRun[], scenario: string, base: string): Standing[] {
  const of = runs.filter((run) => run.scenario === scenario);
  const servers = [...new Set(of.map((run) => run.server))];
  const all = servers.map((server) => standing(of, server, base));
  const rank = (entry: Standing) => (entry.server === base ? -1 : (entry.cpuPerMillionS?.median ?? Number.MAX_VALUE));
  return all.sort((a, b) => rank(a) - rank(b));
}

function standing(runs: readonly ServerRun[], server: string, base: string): Standing {
  const own = runs.filter((run) => run.server === server);
  const valid = own.flatMap((run) => (run.result?.valid ? [run.result] : []));
  const reasons = own.flatMap((run) => run.failure ?? run.result?.invalidReasons ?? []);
  const ratio = (metric: Measure) => (server === base ? null : spread(ratios(runs, server, base, metric)));
  return {
    server,
    version: own.find((run) => run.result !== undefined)?.result?.target.version ?? '',
    valid: valid.length,
    rounds: own.length,
    p50Ms: spread(valid.map(p50)),
    p99Ms: spread(valid.map(p99)),
    cpuPerMillionS: spread(valid.map(cpu)),
    staleP50Ms: spread(valid.map(staleP50)),
    staleP99Ms: spread(valid.map(staleP99)),
    cpuPerUpdateUs: spread(valid.map(cpuPerUpdate)),
    conflatedShare: spread(valid.map(conflated)),
    p99Ratio: ratio(p99),
    cpuRatio: ratio(cpu),
    expected: valid.reduce((sum, result) => sum + result.expected, 0),
    lost: valid.reduce((sum, result) => sum + result.lost, 0),
    reasons: [...new Set(reasons)],
  };
}

function ratios(runs: readonly ServerRun[], server: string, base: string, metric: Measure): (number | null)[] {
  const figure = (name: string, round: number) => {
    const result = runs.find((run) => run.server === name && run.round === round)?.result;
    return result?.valid ? metric(result) : null;
  };
  const rounds = [...new Set(runs.map((run) => run.round))];
  return rounds.map((round) => {
    const own = figure(server, round);
    const other = figure(base, round);
    return own === null || other === null || other === 0 ? null : own / other;
  });
}

/** Median, least and most of the values that are known; null without any. */
export function spread(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const middle = (known.length - 1) / 2;
  const low = known[Math.floor(middle)];
  const high = known[Math.ceil(middle)];
  if (low === undefined || high === undefined) return null;
  return { median: (low + high) / 2, min: known[0] as number, max: known.at(-1) as number };
}

/** Of each server the round with the median p99 (the lower middle one of an even number): a real run, to be shown
 *  whole. */
export function medianRuns(runs: readonly ServerRun[], scenario: string): Result[] {
  const servers = [...new Set(runs.map((run) => run.server))];
  return servers.flatMap((server) => {
    const results = runs.flatMap((run) =>
      run.server === server && run.scenario === scenario && run.result ? [run.result] : [],
    );
    const valid = results.filter((result) => result.valid).sort((a, b) => (p99(a) ?? 0) - (p99(b) ?? 0));
    return valid[Math.floor((valid.length - 1) / 2)] ?? results[0] ?? [];
  });
}

// Which server a run is against: one that is there, one that a command starts, a peer, or fanwire itself.

import { FanwireError } from '../../src/base/error.js';
import { parseDeliverRules } from '../../src/config/deliver-rules.js';
import { peerNamed } from '../peers/registry.js';
import { startPeer } from '../peers/start.js';
import type { Plan } from '../scenarios/scenario.js';
import { startCommandTarget } from '../targets/command.js';
import { startRelayTarget } from '../targets/relay.js';
import type { Target, TargetDialect } from '../targets/target.js';
import { urlTarget } from '../targets/url.js';

export interface TargetOptions {
  readonly urls: readonly string[];
  /** Processes of the servers at `urls`, where they run on this machine. */
  readonly serverPids: readonly number[];
  /** Admin routes of the server at `urls`. */
  readonly adminUrl: string | undefined;
  readonly command: string | undefined;
  readonly peer: string | undefined;
  /** Path before the topic on a `command` server. */
  readonly path: string;
  /** undefined: what the target speaks, `raw` where that is not known. */
  readonly dialect: TargetDialect | undefined;
  /** Relays to start, and threads of each; undefined where nothing was said: one. */
  readonly nodes: number | undefined;
  readonly workers: number | undefined;
  readonly serveFlags: readonly string[];
}

/** Without --url, --cmd or --peer. */
const OWN = 'relays that the bench starts itself';

/** Starts (or just describes) the target of a run of `plan`, on `cores` where it is started; `signal` ends a start.
 *  @throws FanwireError FANWIRE_USAGE_BENCH_TARGET and what starting it throws */
export async function startTarget(
  options: TargetOptions,
  plan: Plan,
  cores: readonly number[],
  needs: { readonly admin: boolean },
  signal: AbortSignal,
): Promise<Target> {
  const { urls, serverPids, adminUrl, command, peer, path, dialect, serveFlags } = options;
  const { nodes = 1, workers = 1 } = options;
  requireOne(options);
  requireFitting(options, plan);
  if (urls.length > 0) {
    const running = urlTarget(urls, dialect ?? 'raw', serverPids);
    return adminUrl === undefined ? running : { ...running, adminUrl };
  }
  if (peer !== undefined) return startPeerFor(peer, plan, cores);
  if (command !== undefined) {
    // Variables may stand before the program.
    const name = /^\s*(?:[A-Za-z_]\w*=\S*\s+)*(\S+)/.exec(command)?.[1] ?? command;
    return startCommandTarget({ name, version: '', command, path, dialect: dialect ?? 'raw', cores, signal });
  }
  if (dialect === 'socket.io') {
    throw new FanwireError(
      'FANWIRE_USAGE_BENCH_TARGET',
      '--dialect socket.io needs --url or --cmd: fanwire does not speak it',
    );
  }
  const connections = plan.subscribers + plan.stalledSubscribers + plan.publishers;
  const flags = [...deliverFlags(plan), ...serveFlags];
  const relay = { nodes, workers, dialect: dialect ?? 'raw', flags, cores, connections, signal } as const;
  return startRelayTarget({ ...relay, hasAdmin: needs.admin });
}

/** Whether `options` leave it to the bench to start relays. */
export function isOwn({ urls, command, peer }: TargetOptions): boolean {
  return urls.length === 0 && command === undefined && peer === undefined;
}

/** Flags of a relay for how `plan` has its topics delivered.
 *  @throws FanwireError FANWIRE_USAGE_BENCH_RANGE */
export function deliverFlags({ deliver, topicPrefix }: Plan): string[] {
  if (deliver === '') return [];
  const rule = `${topicPrefix}*=${deliver}`;
  try {
    parseDeliverRules(rule);
  } catch {
    throw new FanwireError(
      'FANWIRE_USAGE_BENCH_RANGE',
      `--deliver must be a window of 1ms to 1h and what is delivered of it, such as 20ms, 50ms,latest or 100ms,latest-by-key:, (for none: ""); got ${JSON.stringify(deliver)}`,
    );
  }
  return ['--deliver', rule];
}

function startPeerFor(name: string, plan: Plan, cores: readonly number[]): Promise<Target> {
  const peer = peerNamed(name);
  if (peer.topics || plan.topics === 1) return startPeer(peer, cores);
  throw new FanwireError(
    'FANWIRE_USAGE_BENCH_PLAN',
    `--topics must be 1 for peer ${name} (it has one room), got ${plan.topics}`,
  );
}

/** @throws FanwireError FANWIRE_USAGE_BENCH_TARGET */
function requireOne({ urls, command, peer }: TargetOptions): void {
  const given = [urls.length > 0 && '--url', command !== undefined && '--cmd', peer !== undefined && '--peer'].filter(
    Boolean,
  );
  if (given.length < 2) return;
  throw new FanwireError(
    'FANWIRE_USAGE_BENCH_TARGET',
    `${given.join(' and ')} name different servers: give one of them`,
  );
}

/** A flag that does not concern the target would be ignored, and the figures be taken for what it asked for.
 *  @throws FanwireError FANWIRE_USAGE_BENCH_TARGET */
function requireFitting(options: TargetOptions, { deliver }: Plan): void {
  const { urls, serverPids, adminUrl, command, peer, path, dialect, nodes, workers, serveFlags } = options;
  const target = urls.length > 0 ? '--url' : command !== undefined ? '--cmd' : peer !== undefined ? '--peer' : OWN;
  const given: readonly (readonly [flag: string, value: unknown, concerns: readonly string[]])[] = [
    ['--nodes', nodes, [OWN]],
    ['--workers', workers, [OWN]],
    ['--serve', serveFlags.join(' '), [OWN]],
    ['--deliver', deliver, [OWN]],
    ['--path', path, ['--cmd']],
    ['--server-pid', serverPids.join(', '), ['--url']],
    ['--admin-url', adminUrl, ['--url']],
    ['--dialect', dialect, [OWN, '--url', '--cmd']],
  ];
  for (const [flag, value = '', concerns] of given) {
    if (value === '' || concerns.includes(target)) continue;
    const shown = target === OWN ? '' : ` with ${target}`;
    throw new FanwireError(
      'FANWIRE_USAGE_BENCH_TARGET',
      `${flag} ${value} would be ignored${shown}: leave it out; it is for ${concerns.join(', ')}`,
    );
  }
}

// What subscribers and publishers share: opening connections at the ramp's pace, retrying when a port is taken, and
// counting the outcomes.

import type { Plan } from '../../scenarios/scenario.js';
import { type ConnectionOwner, type Endpoint, LoadConnection } from './connection.js';
import { LatencyCounts } from './counts.js';
import { type DialectRules, dialects } from './dialect.js';
import { handshakeRequest } from './handshake.js';
import type { ConnectFigures, Ready, SetupCommand } from './messages.js';
import { Ramp } from './ramp.js';
import type { ReadTurns } from './read-turns.js';
import { isPortTaken, MAX_PORT_TRIES, SourceAddresses } from './source-address.js';

/** A topic on one of the target's nodes; every connection to it sends the same request. */
interface Route {
  readonly endpoint: Endpoint;
  readonly request: Buffer;
  readonly hello: Buffer | undefined;
}

export class Connections {
  readonly ramp: Ramp;
  readonly rules: DialectRules;
  readonly closedByServer: Record<string, number> = {};
  opened = 0;
  private requested = 0;
  private failed = 0;
  private readonly connectUs = new LatencyCounts();
  private readonly failures: Record<string, number> = {};
  private readonly sources: SourceAddresses;
  private readonly routes = new Map<number, Route>();
  private readonly portTries = new Map<number, number>();
  private readonly pending = new Set<LoadConnection>();
  private readonly overdue: NodeJS.Timeout;

  /** `indexOf(slot)` is the connection's number among all connections of the run. */
  constructor(
    private readonly setup: SetupCommand,
    private readonly owner: ConnectionOwner,
    private readonly turns: ReadTurns,
    private readonly indexOf: (slot: number) => number,
    private readonly keep: (slot: number, connection: LoadConnection) => void,
  ) {
    const { plan, lane, lanes } = setup;
    this.rules = dialects[setup.dialect];
    this.sources = new SourceAddresses(lane, lanes, setup.localAddresses, setup.isSourceExplicit);
    this.ramp = new Ramp(share(plan.maxHandshakes, lanes), plan.connectRate / lanes, (slot) => this.start(slot));
    this.overdue = setInterval(() => this.abandonOverdue(plan), 250);
  }

  /** Queues a connection for `slot`. */
  open(slot: number): void {
    this.requested++;
    this.ramp.add(slot);
  }

  /** The owner must call this from its `opened`. */
  noteOpened(connection: LoadConnection): void {
    this.opened++;
    this.connectUs.record(this.turns.clock() - connection.startedUs);
    this.settled(connection);
  }

  /** The owner must call this from its `failed`. Returns whether another attempt is under way. */
  noteFailed(connection: LoadConnection, reason: string, code: string | undefined): boolean {
    this.pending.delete(connection);
    const tries = this.portTries.get(connection.slot) ?? 0;
    if (isPortTaken(code) && tries < MAX_PORT_TRIES) {
      this.portTries.set(connection.slot, tries + 1);
      this.start(connection.slot);
      return true;
    }
    this.failed++;
    this.failures[reason] = (this.failures[reason] ?? 0) + 1;
    this.settled(connection);
    return false;
  }

  noteClosedByServer(code: number): void {
    this.closedByServer[code] = (this.closedByServer[code] ?? 0) + 1;
  }

  /** The message that reports the end of the ramp. */
  ready(): Ready {
    const byCount = Object.entries(this.failures).sort(([, a], [, b]) => b - a);
    return { kind: 'ready', role: this.setup.role, opened: this.opened, failure: byCount[0]?.[0] };
  }

  figures(): ConnectFigures {
    return {
      requested: this.requested,
      opened: this.opened,
      failed: this.failed,
      mostInFlight: this.ramp.mostInFlight,
      latencies: this.connectUs.take(),
      failures: this.failures,
    };
  }

  stop(): void {
    clearInterval(this.overdue);
    this.ramp.stop();
  }

  private settled(connection: LoadConnection): void {
    this.pending.delete(connection);
    this.portTries.delete(connection.slot);
    this.ramp.finished();
  }

  private start(slot: number): void {
    const route = this.route(this.indexOf(slot));
    const { owner, turns, rules } = this;
    const connection = new LoadConnection(
      slot,
      owner,
      turns,
      rules,
      route.endpoint,
      this.sources.next(),
      route.request,
      route.hello,
    );
    this.pending.add(connection);
    this.keep(slot, connection);
  }

  private route(index: number): Route {
    const { plan, targets, headers } = this.setup;
    const topic = index % plan.topics;
    const node = Math.floor(index / plan.topics) % targets.length;
    const key = node * plan.topics + topic;
    let route = this.routes.get(key);
    if (route === undefined) {
      const target = targets[node] as SetupCommand['targets'][number];
      const name = `${plan.topicPrefix}${topic}`;
      const url = new URL(this.rules.url(target.url, name));
      const request = handshakeRequest(url, this.rules.protocol, headers);
      route = { endpoint: target.endpoint, request, hello: this.rules.hello(name) };
      this.routes.set(key, route);
    }
    return route;
  }

  private abandonOverdue(plan: Plan): void {
    const limitUs = this.turns.clock() - plan.connectTimeoutS * 1e6;
    for (const connection of this.pending) {
      if (connection.startedUs < limitUs) connection.abandon(`no handshake within ${plan.connectTimeoutS} s`);
    }
  }
}

/** One process's share of a total, at least 1. */
function share(total: number, lanes: number): number {
  return Math.max(1, Math.floor(total / lanes));
}

// The relay: its sockets' lives from upgrade to close.
import type { Authenticator } from '../auth/auth.js';
import { createAuthenticator } from '../auth/create.js';
import { type Logger, sampledWarnings } from '../base/log.js';
import type { Bus } from '../bus/bus.js';
import type { RelayConfig } from '../config/schema.js';
import type { Refusal } from '../protocol/codes.js';
import { maxFrameBytes } from '../protocol/frames.js';
import { OpsBudget } from './budget/ops-budget.js';
import { PublishGuard } from './budget/publish-guard.js';
import { utf8 } from './bytes.js';
import { ALONE, type Company } from './company.js';
import { Access } from './door/access.js';
import { Admission } from './door/admission.js';
import { CorkHolder } from './door/cork-holder.js';
import { FileLimit } from './door/file-limit.js';
import { RelayHouse } from './door/house.js';
import { RequestCount } from './door/requests.js';
import { HttpRoutes } from './door/routes.js';
import { type Entrant, type HandshakeHeaders, Upgrades } from './door/upgrade.js';
import { Entrance, type Gate } from './entrance.js';
import { CloseCause } from './exit/close-cause.js';
import { Cuts } from './exit/cuts.js';
import { closeSpread } from './exit/drain.js';
import { endAll } from './exit/ending.js';
import { Expiry } from './exit/expiry.js';
import type { HttpConnections } from './exit/lingering.js';
import { reloadTokens } from './exit/reload.js';
import { seenEvents, UnseenFloods } from './exit/unseen-floods.js';
import { Connection, type SocketState } from './fanout/audience.js';
import { FanOut } from './fanout/fanout.js';
import { SlowConsumers } from './fanout/slow.js';
import { slowObserver } from './fanout/slow-observer.js';
import type { TopicTable } from './fanout/topic-table.js';
import { type KeptCounts, NOTHING_KEPT } from './history/history.js';
import type { Acknowledge } from './history/numbering.js';
import type { RelayLife } from './life.js';
import { urlOf } from './listening.js';
import type { Presence } from './session/presence.js';
import { socketBehavior, type Upgrade } from './sockets.js';
import { TopicLayer } from './topic-layer.js';
import { type HttpResponse, SAYS_WHY_IT_CLOSES, type us_socket_context_t } from './uws.js';
import { Counters } from './watch/counters.js';
import type { Inspected } from './watch/inspection.js';

export async function startRelay(config: RelayConfig, log: Logger, company = ALONE): Promise<Relay> {
  const relay = new Relay(config, log, company, await createAuthenticator(config, log));
  try {
    await relay.layer.inherited();
    await relay.open();
  } catch (error) {
    relay.close();
    throw error;
  }
  return relay;
}

export class Relay implements RelayLife, Inspected {
  readonly counters = new Counters();
  readonly connections = new Map<string, Connection>();
  readonly slow: SlowConsumers;
  readonly layer: TopicLayer;
  readonly access: Access;
  readonly admission: Admission;
  readonly fileLimit: FileLimit;
  readonly guard: PublishGuard;
  private readonly cuts: Cuts;
  private readonly ops: OpsBudget<Connection>;
  /** Set once the relay has opened, if ops have a budget. */
  private floods: UnseenFloods | undefined;
  private readonly expiry = new Expiry((connection) => this.cuts.expired(connection));
  private readonly authenticator: Authenticator;
  private readonly config: RelayConfig;
  private readonly log: Logger;
  private readonly company: Company;
  readonly bus: Bus;
  private readonly warnings: ReturnType<typeof sampledWarnings>;
  readonly requests = new RequestCount();
  private readonly entrance: Entrance;
  private readonly house: RelayHouse;
  private readonly fanOut: FanOut;
  private corkHolder = CorkHolder.none;
  private closeCause = CloseCause.told;
  private leaving = false;
  private draining = false;
  private nextId = 1;

  constructor(config: RelayConfig, log: Logger, company: Company, authenticator: Authenticator) {
    this.config = config;
    this.log = log;
    this.company = company;
    this.warnings = sampledWarnings(log);
    this.cuts = new Cuts(config, this.counters, this.warnings);
    this.ops = new OpsBudget(config.maxOpRate, (connection) => this.cuts.overOps(connection));
    this.authenticator = authenticator;
    this.access = new Access(config, this.authenticator);
    this.admission = new Admission(config, company.ledger);
    this.fileLimit = new FileLimit(config.workers, () => this.admission.total);
    this.guard = new PublishGuard(config, config.auth !== 'none', this.counters);
    const countRefusal = (refusal: Refusal): void => this.countRefusal(refusal);
    this.house = new RelayHouse(this.access, log, this.requests, this.isDraining, countRefusal);
    this.slow = new SlowConsumers(
      config.maxBackpressureBytes,
      maxFrameBytes(config.maxPayloadBytes),
      config.slowConsumer,
      this.counters,
      slowObserver(this.warnings),
    );
    this.entrance = new Entrance(config, company.sharesPort, (app, older) => this.fanOut.useApps(app, older));
    this.fanOut = new FanOut(this.entrance.app, this.slow, this.counters, config.compression !== 'off');
    const { connections, expiry, guard, cuts, counters, ops } = this;
    const shared = { authenticator, connections, expiry, guard, cuts, counters, ops };
    this.layer = new TopicLayer(config, this.fanOut, company, shared);
    this.bus = this.layer.bus;
    this.entrance.addRoutes((gate) => this.route(gate));
    this.bus.start(this.layer.exchange.receive, this.layer.presence.takeCensus);
  }

  async open(): Promise<void> {
    if (this.config.auth === 'jwt') this.corkHolder = await CorkHolder.open();
    if (!SAYS_WHY_IT_CLOSES) this.closeCause = await CloseCause.open();
    await this.entrance.listen();
    if (this.ops.isLimited) this.floods = this.watchFloods();
    const { host, maxConnections, tlsCert } = this.config;
    // If several threads share the port, the main thread logs this once all of them listen.
    this.log[this.company.sharesPort ? 'debug' : 'info'](
      { host, port: this.port, maxSockets: this.fileLimit.maxSockets },
      `listening on ${urlOf(tlsCert === '' ? 'ws' : 'wss', host, this.port)}`,
    );
    this.fileLimit.warnBelow(maxConnections, this.log);
  }

  private watchFloods(): UnseenFloods {
    const { counters, connections, ops, bus, requests } = this;
    return new UnseenFloods({
      connections,
      port: () => this.port,
      // Allows for many slow uploads, of 2 MiB/s.
      patienceMs: Math.max(500, (1000 * this.config.maxPayloadBytes) / (2 * 1024 * 1024)),
      events: () => seenEvents(counters) + ops.paid + bus.status().received + requests.work,
      found: (connection) => this.cuts.flooded(connection),
      unclear: (address, sockets) => this.warnings.warn('somebody floods with empty frames', { address, sockets }),
    });
  }

  get port(): number {
    return this.entrance.port;
  }

  /** Has `add` add its routes to the relay's port. */
  addRoutes(add: (routes: HttpRoutes) => void): void {
    this.entrance.addRoutes(({ app }) => add(new HttpRoutes(app, this.house)));
  }

  publish(
    topic: string,
    message: ArrayBuffer | Uint8Array,
    isBinary: boolean,
    acknowledge?: Acknowledge,
    key?: string,
  ): number {
    this.counters.published++;
    this.counters.publishedBytes += message.byteLength;
    return this.layer.exchange.publishTo(topic, message, isBinary, acknowledge, key);
  }

  keeps(topic: string): boolean {
    return this.layer.keeps(topic);
  }

  get topics(): TopicTable {
    return this.layer.topics;
  }

  /** Who is in topics; it must be told what happens to other relays. */
  get presence(): Presence {
    return this.layer.presence;
  }

  readonly isLeaving = (): boolean => this.leaving;

  readonly isDraining = (): boolean => this.draining;

  keptCounts(): KeptCounts {
    return this.layer.history?.counts() ?? NOTHING_KEPT;
  }

  kick(id: string): boolean {
    const connection = this.connections.get(id);
    if (connection === undefined) return false;
    this.cuts.kicked(connection);
    return true;
  }

  reload(): Promise<void> {
    return reloadTokens(this.authenticator, this.connections.values(), this.expiry, this.log);
  }

  renewCertificate(): void {
    this.entrance.renew();
  }

  leave(): void {
    this.leaving = true;
  }

  async drain(overMs = this.config.drainMs): Promise<void> {
    if (this.draining) return;
    this.leaving = this.draining = true;
    this.log.info({ connections: this.connections.size, overMs }, 'closing sockets');
    this.layer.announceDrain(this.connections.values(), overMs);
    await closeSpread(this.connections.values(), overMs, this.flush);
    // Until here new clients got a 503, by which a balancer that has not noticed the drain tries elsewhere.
    this.entrance.stopListening();
    // Nobody is let in any more, and an open socket would keep the process from ending.
    this.corkHolder.close();
    this.closeCause.close();
    this.warnings.flush();
  }

  httpConnections(): HttpConnections {
    const handshakes = this.admission.connections - this.connections.size;
    return { open: this.fileLimit.httpConnections, underWay: this.requests.underWay + handshakes };
  }

  closeIdle(): void {
    this.entrance.close();
  }

  /** Sends what is held back, before sockets are closed. */
  readonly flush = (): void => {
    this.layer.endWindows();
    this.fanOut.flush();
    this.slow.handOverAll();
  };

  close(): void {
    this.leaving = this.draining = true;
    const { fanOut, expiry, floods, corkHolder, closeCause, layer, entrance, warnings } = this;
    const flushed = [() => layer.endWindows(), () => fanOut.flush()];
    const stopped = [fanOut, expiry, floods, layer].map((part) => () => part?.stop());
    const closed = [corkHolder, closeCause, entrance].map((part) => () => part.close());
    endAll([...flushed, ...stopped, ...closed, () => warnings.flush()], this.log);
  }

  private route(gate: Gate): void {
    const { app } = gate;
    this.fileLimit.watch(app, (refusal) => this.countRefusal(refusal));
    app.filter((res, change) => this.countUnanswered(res, Number(change)));
    const upgrades = new Upgrades(this.access, this.admission, this.fileLimit, this.topics, this.house, this);
    const { config, counters, connections, layer, cuts, ops, guard, slow, expiry, admission, entrance } = this;
    const closeCause = (): CloseCause => this.closeCause;
    const ponged = (connection: Connection): void => this.floods?.ponged(connection);
    const parts = {
      config,
      counters,
      connections,
      layer,
      cuts,
      ops,
      guard,
      slow,
      expiry,
      admission,
      closeCause,
      ponged,
    };
    const upgrade: Upgrade = (res, req, context) => upgrades.handle(res, req, context);
    app.ws<SocketState>(utf8('/*'), socketBehavior(gate, { ...parts, left: () => entrance.left(gate) }, upgrade));
    new HttpRoutes(app, this.house).fallback('/*', this.house.nowhere);
  }

  corkedUpgrade(res: HttpResponse, upgrade: () => void): void {
    this.corkHolder.run(res, upgrade);
  }

  /** Upgrades a client that was admitted. uWS opens it inside `res.upgrade`: its topic is not released in between. */
  welcome(res: HttpResponse, context: us_socket_context_t, headers: HandshakeHeaders, entrant: Entrant): void {
    const topic = entrant.topic === undefined ? undefined : this.topics.hold(entrant.topic);
    const id = `${this.company.idPrefix}${this.nextId++}`;
    const connection = new Connection(id, entrant.address, topic, entrant.identity, Date.now());
    connection.everyMs = entrant.everyMs;
    connection.rewind = entrant.rewind;
    if (entrant.takesBatches) connection.dialect = 'batched';
    const { key, extensions } = headers;
    res.upgrade<SocketState>({ connection }, utf8(key), utf8(entrant.protocol), utf8(extensions), context);
  }

  private countUnanswered(res: HttpResponse, change: number): void {
    this.requests.work++;
    if (change < 0 && this.house.endedUnanswered(res)) this.counters.unanswered++;
  }

  countRefusal({ code, status, message }: Refusal): void {
    this.counters.refuse(code);
    this.warnings.warn('request refused', { code, status, reason: message });
  }
}

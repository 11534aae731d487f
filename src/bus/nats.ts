// The bus between nodes, over NATS: one subject per topic and kind of frame, subscribed to while the topic has
// subscribers here. NATS sends a node nothing of its own. Delivery is at most once: local fan-out never waits for NATS,
// and what cannot be sent now is counted as lost, not kept, so that nothing outdated arrives after an outage.
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { FanwireError } from '../base/error.js';
import { type Logger, type SampledWarnings, sampledWarnings } from '../base/log.js';
import type { Bridge } from './bridge.js';
import { type Bus, type BusStatus, CrossingKind, type Deliver } from './bus.js';
import { type Census, NOBODY, type Question, type TakeCensus } from './census.js';
import type { NatsBusOptions } from './nats-bus-options.js';
import { NatsConfirmation } from './nats-confirmation.js';
import { NatsFiles } from './nats-files.js';
import { NatsInterest } from './nats-interest.js';
import { natsOptions, natsRetryMs } from './nats-options.js';
import { NatsSurveys } from './nats-survey.js';
import { kindOfSubject, messageSubject } from './subject.js';

/** How long a start may wait for NATS before the relay takes clients without it. */
const FIRST_DIAL_MS = 2000;
const REFUSED = /authorization|authentication/i;
/** How long closing may wait for NATS to take the last publishes. */
const LAST_FLUSH_MS = 1000;

export class NatsBus implements Bus {
  private readonly prefix: string;
  private readonly files: NatsFiles;
  private readonly log: Logger;
  private readonly warnings: SampledWarnings;
  private nats: NatsConnection | undefined;
  private connected = false;
  private closing = false;
  private maxPayloadBytes = Number.POSITIVE_INFINITY;
  private deliver: Deliver = () => {};
  private readonly interest: NatsInterest;
  private readonly surveys: NatsSurveys;
  private readonly bridge: Bridge | undefined;
  private readonly confirmation = new NatsConfirmation(
    () => (this.connected ? this.nats : undefined),
    () => this.publishTurn(),
  );
  /** Messages to publish at the end of this loop turn. */
  private turn: { readonly topic: string; readonly kind: CrossingKind; readonly message: Uint8Array }[] = [];
  private forwarded = 0;
  private received = 0;
  private lost = 0;
  private reconnects = 0;

  /** Connects. Where no server can be reached it keeps trying in the background, and the relay works alone meanwhile.
   *  @throws FanwireError FANWIRE_CLUSTER where NATS refuses the credentials, FANWIRE_CONFIG_FILE where a file is
   *  unreadable */
  static async open(options: NatsBusOptions): Promise<NatsBus> {
    const bus = new NatsBus(options);
    await bus.dial();
    return bus;
  }

  private constructor(private readonly options: NatsBusOptions) {
    this.prefix = options.config.clusterPrefix;
    this.files = options.files ?? new NatsFiles(options.config);
    this.log = options.log;
    this.warnings = sampledWarnings(options.log);
    this.bridge = options.bridge;
    this.interest = new NatsInterest(this.prefix, this.warnings, this.onMessage);
    this.surveys = new NatsSurveys(this.prefix, () => (this.connected ? this.nats : undefined), this.warnings);
  }

  start(deliver: Deliver, takeCensus: TakeCensus = () => NOBODY): void {
    this.deliver = deliver;
    this.surveys.takeCensus = takeCensus;
  }

  subscribe(topic: string): void {
    this.interest.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.interest.unsubscribe(topic);
  }

  forward(topic: string, message: ArrayBuffer | Uint8Array, kind: CrossingKind): void {
    const size = message.byteLength;
    if (!this.connected || this.nats === undefined || this.confirmation.isFull) {
      this.lose(topic);
      return;
    }
    if (size > this.maxPayloadBytes) {
      this.lose(topic);
      this.warnings.warn('too big for NATS: not forwarded', { topic, bytes: size, limit: this.maxPayloadBytes });
      return;
    }
    // uWS and the ring reuse their buffers as soon as this returns.
    const copy = Uint8Array.prototype.slice.call(message instanceof Uint8Array ? message : new Uint8Array(message));
    if (this.turn.push({ topic, kind, message: copy }) === 1) setImmediate(this.publishTurn);
    this.forwarded++;
    this.confirmation.published(size);
  }

  /** NATS alone knows who else wants a topic. */
  reaches(): boolean {
    return true;
  }

  /** Hands NATS all messages of this loop turn together: 4 µs of CPU a message in bursts of 64. Handed over one by one
   *  they cost 26 µs, since the client would write() each: it writes in a microtask, after each handler of uWS. */
  private readonly publishTurn = (): void => {
    const { nats, turn } = this;
    this.turn = [];
    if (nats === undefined || nats.isClosed()) return;
    for (const { topic, kind, message } of turn) {
      try {
        const elsewhere = kind === CrossingKind.presence ? undefined : this.bridge?.elsewhere(topic);
        if (elsewhere === undefined) nats.publish(messageSubject(this.prefix, topic, kind), message);
        else this.bridge?.publishUnkept(nats, topic, message, kind, elsewhere);
      } catch (error) {
        // Another server of the cluster may allow less than the one before.
        this.forwarded--;
        this.lose(topic);
        this.warnings.warn('NATS does not take a message', { topic, reason: (error as Error).message });
      }
    }
    this.confirmation.askIfDue();
  };

  async survey(question: Question): Promise<readonly Census[]> {
    return question.reach === 'cluster' && this.connected ? this.surveys.ask(question) : [];
  }

  confirm(topic: string): Promise<boolean> {
    return this.confirmation.confirm(topic);
  }

  private lose(topic: string): void {
    this.lost++;
    this.confirmation.lost(topic);
  }

  status(): BusStatus {
    const { connected, forwarded, received, reconnects } = this;
    const { observer, nodes } = this.options;
    const lost = this.lost + (observer?.lost ?? 0);
    const unconfirmed = this.confirmation.unconfirmed + (observer?.unconfirmed ?? 0);
    const streamsReady = observer?.isReady ?? true;
    const others = { nodes: nodes?.size ?? 0, differences: nodes?.differences ?? [] };
    return { connected, streamsReady, ...others, forwarded, received, lost, unconfirmed, reconnects };
  }

  /** Topics subscribed to at NATS, including those that will soon be unsubscribed. */
  get subscribedTopics(): number {
    return this.interest.size;
  }

  async close(): Promise<void> {
    this.closing = true;
    this.confirmation.stop();
    this.interest.stop();
    this.options.nodes?.stop();
    const { nats } = this;
    if (nats === undefined) return;
    this.publishTurn();
    if (this.connected) {
      await Promise.race([nats.flush().catch(() => {}), sleep(LAST_FLUSH_MS, undefined, { ref: false })]);
    }
    await nats.close();
  }

  /** Dials until it succeeds, trying every server each time. Resolves when the first attempt ends or takes too long. */
  private async dial(): Promise<void> {
    const first = this.connect();
    const outcome = await Promise.race([
      first.then(this.attach, (error: Error) => error),
      new Promise<Error>((resolve) => setTimeout(() => resolve(new Error('no answer')), FIRST_DIAL_MS).unref()),
    ]);
    if (outcome === undefined) return;
    if (outcome instanceof FanwireError) throw outcome;
    if (REFUSED.test(`${outcome.name} ${outcome.message}`)) {
      throw new FanwireError(
        'FANWIRE_CLUSTER',
        `NATS at ${this.servers()} refuses the credentials: ${outcome.message}; see --cluster-user, --cluster-token, --cluster-creds`,
      );
    }
    this.log.warn({ servers: this.servers(), reason: outcome.message }, 'NATS is away: relaying on this node only');
    void this.dialOn(first, outcome.message);
  }

  /** Logs the reason only when it changes: NATS may be away all night, and each node dials about once a second. */
  private async dialOn(first: Promise<NatsConnection>, known: string): Promise<void> {
    let attempt = first;
    let said = known;
    while (!this.closing && this.nats === undefined) {
      try {
        this.attach(await attempt);
      } catch (error) {
        const reason = (error as Error).message;
        if (reason !== said) this.warnings.warn('NATS is away', { servers: this.servers(), reason });
        said = reason;
        await sleep(natsRetryMs(), undefined, { ref: false });
        attempt = this.connect();
      }
    }
  }

  private readonly attach = (nats: NatsConnection): undefined => {
    if (this.nats !== undefined) return;
    if (this.closing) {
      void nats.close();
      return;
    }
    this.nats = nats;
    this.interest.attach(nats);
    this.onConnect(nats);
    void this.follow(nats);
    void nats.closed().then(() => this.onClosed());
    return;
  };

  /** The client has given up, as it does when a server keeps refusing it. */
  private onClosed(): void {
    if (this.closing) return;
    this.onDisconnect(this.servers());
    this.nats = undefined;
    this.interest.detach();
    void this.dialOn(this.connect(), '');
  }

  private async connect(): Promise<NatsConnection> {
    return connect(natsOptions(this.options.config, this.options.name, this.files));
  }

  /** Connected, for the first time or again: the client has subscribed anew to all it had. */
  private onConnect(nats: NatsConnection): void {
    this.connected = true;
    this.options.nodes?.connected(nats);
    this.options.observer?.connected(nats);
    this.maxPayloadBytes = nats.info?.max_payload ?? Number.POSITIVE_INFINITY;
    this.log.info({ server: nats.getServer(), cluster: this.prefix }, 'joined the cluster');
    if (this.maxPayloadBytes < this.options.config.maxPayloadBytes) {
      this.log.warn(
        { maxPayload: this.options.config.maxPayloadBytes, natsMaxPayload: this.maxPayloadBytes },
        'messages larger than max_payload of NATS stay on this node; raise it there or lower --max-payload',
      );
    }
  }

  private async follow(nats: NatsConnection): Promise<void> {
    for await (const status of nats.status()) {
      if (status.type === 'disconnect') this.onDisconnect(status.server);
      else if (status.type === 'reconnect') {
        this.reconnects++;
        this.onConnect(nats);
      } else if (status.type === 'error') this.warnings.warn('NATS error', { reason: status.error.message });
    }
  }

  private onDisconnect(server: string): void {
    if (!this.connected) return;
    this.connected = false;
    this.options.nodes?.disconnected();
    this.options.observer?.disconnected();
    this.confirmation.broken();
    if (!this.closing) this.log.warn({ server }, 'NATS is away: relaying on this node only');
  }

  private readonly onMessage = (topic: string, message: Msg): void => {
    try {
      this.take(topic, message);
    } catch (error) {
      // Anyone allowed to publish at NATS could send anything: that must not end the relay.
      this.warnings.warn('unreadable message from NATS', { topic, reason: (error as Error).message });
    }
  };

  private take(topic: string, message: Msg): void {
    const kind = kindOfSubject(message.subject);
    if (kind === undefined) return;
    if (kind === 'question') {
      this.surveys.answer(topic, message);
      return;
    }
    if (kind === 'bridged') {
      if (this.bridge?.keeps(topic)) return; // this node gets it from the stream
      this.received++;
      this.deliver(topic, message.data, CrossingKind.envelope);
      return;
    }
    this.received++;
    this.deliver(topic, message.data, kind);
  }

  private servers(): string {
    return this.options.config.cluster.map((url) => new URL(url).host).join(', ');
  }
}

// The admin listener, on its own port: the live page, health, metrics, statistics, topics, connections. Loopback by
// default.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Logger } from '../../base/log.js';
import { version } from '../../base/version.js';
import { parseDeliverRules } from '../../config/deliver-rules.js';
import { parseHistoryRules } from '../../config/history-rules.js';
import type { RelayConfig } from '../../config/schema.js';
import { parseStateRules } from '../../config/state-rules.js';
import { type Refusal, Refused } from '../../protocol/codes.js';
import { queryValue } from '../../protocol/query.js';
import { type Answer, json, OK, refused } from '../../relay/door/answer.js';
import { clip, type Handler, HttpRoutes, type Request } from '../../relay/door/routes.js';
import { urlOf, whyCannotListen } from '../../relay/listening.js';
import { App, listenExclusively, type TemplatedApp, us_socket_local_port } from '../../relay/uws.js';
import type { Inspection, TopicOrder } from '../../relay/watch/inspection.js';
import { totalOf } from '../../relay/watch/stats.js';
import { chatPage, clientScript } from '../chat/chat.js';
import { LivePage } from '../live/page.js';
import type { RelayEntrance, StatsReport, TopicRules } from '../stats-report.js';
import { Metrics } from './metrics.js';

export interface AdminListener {
  readonly port: number;
  close(): void;
}

type AdminConfig = Pick<
  RelayConfig,
  | 'adminHost'
  | 'adminPort'
  | 'adminToken'
  | 'host'
  | 'tlsCert'
  | 'auth'
  | 'origins'
  | 'maxConnections'
  | 'history'
  | 'state'
  | 'deliver'
>;

const MAX_TOPICS = 1000;
const MAX_PAGE = 1000;
const ROUTES =
  '/, /chat, /client.js, /healthz, /readyz, /metrics, /stats, /topics, /connections, DELETE /connections/<id>';

/** When something ends, as Unix time in ms. */
type Expiring = { readonly expiresAtMs: number };

/** @param certificate what clients are shown; undefined without TLS */
export function startAdmin(
  config: AdminConfig,
  inspection: Inspection,
  log: Logger,
  certificate?: Expiring,
): Promise<AdminListener> {
  const { adminHost, adminPort } = config;
  const app = new Admin(config, inspection, log, certificate).app;
  return new Promise((resolve, reject) => {
    listenExclusively(app, adminHost, adminPort, (socket) => {
      if (socket === false) {
        whyCannotListen(adminHost, adminPort, ['--admin-port', '--admin-host']).then(reject, reject);
        return;
      }
      const port = us_socket_local_port(socket as never);
      log.info({ adminHost, adminPort: port }, `admin on ${urlOf('http', adminHost, port)}`);
      log.info(`live page: ${urlOf('http', adminHost, port)}/`);
      if (config.adminToken === '' && !isLoopback(adminHost)) {
        log.warn({ adminHost }, 'the admin port is open beyond this machine and asks for no --admin-token');
      }
      let closed = false;
      const close = (): void => {
        if (!closed) app.close();
        closed = true;
      };
      resolve({ port, close });
    });
  });
}

let page: LivePage | undefined;

/** One for all listeners of the process: it is 100 kB of text. */
function livePage(): LivePage {
  page ??= new LivePage();
  return page;
}

class Admin {
  readonly app: TemplatedApp = App();
  private readonly metrics: Metrics;
  private readonly rules: TopicRules;
  private readonly startedAtMs = Date.now();
  /** By a clock that is never set. */
  private readonly startedAt = performance.now();

  constructor(
    private readonly config: AdminConfig,
    private readonly inspection: Inspection,
    private readonly log: Logger,
    private readonly certificate: Expiring | undefined,
  ) {
    this.rules = {
      history: parseHistoryRules(config.history),
      state: parseStateRules(config.state),
      deliver: parseDeliverRules(config.deliver),
    };
    this.metrics = new Metrics(inspection, { version, maxConnections: config.maxConnections, certificate });
    const routes = new HttpRoutes(this.app, {
      isDraining: () => false,
      failed: (error) => log.error({ err: error }, 'admin request failed'),
      refused: () => {},
    });
    // Health checks carry no token: what they tell is no secret, and orchestrators have none.
    routes.add('/healthz', { GET: () => OK });
    routes.add('/readyz', { GET: () => this.readiness() });
    // Needs no token: a browser opens an address without headers. The page holds no figures, and asks for the token
    // itself.
    routes.add('/', { GET: (request) => livePage().answer(this.entrance(), request.header('host')) });
    // The client and the chat are no secret, and a page that loads the client has no token.
    routes.add('/client.js', { GET: () => clientScript() });
    routes.add('/chat', { GET: (request) => chatPage(this.entrance(), request.header('host')) });
    const guarded = (answer: Handler): Handler => {
      return (request) => {
        if (!this.mayAsk(request)) return refused(Refused.adminToken);
        return this.isRebound(request) ? refused(Refused.adminHost) : answer(request);
      };
    };
    routes.add('/metrics', { GET: guarded(() => this.metricsText()) });
    routes.add('/stats', { GET: guarded(() => this.stats()) });
    routes.add('/topics', { GET: guarded(({ query }) => this.topics(query)) });
    routes.add('/connections', { GET: guarded(({ query }) => this.connections(query)) });
    routes.add('/connections/*', { DELETE: guarded(({ path }) => this.kick(path.slice('/connections/'.length))) });
    routes.fallback('/*', (request) => refused(noRoute(request)));
  }

  /** By header, or by `?token=` for what cannot set one. */
  private mayAsk(request: Request): boolean {
    const { adminToken } = this.config;
    if (adminToken === '') return true;
    const bearer = /^bearer +(.+)$/i.exec(request.header('authorization'))?.[1];
    const given = bearer ?? queryValue(request.query, 'token') ?? '';
    return timingSafeEqual(sha256(given), sha256(adminToken));
  }

  /** On loopback without a token, whether the request names a host that is not this machine: then a page in a browser
   *  here got a name of its own to resolve to 127.0.0.1 (DNS rebinding), and would read and close connections as if it
   *  were local. */
  private isRebound(request: Request): boolean {
    const { adminHost, adminToken } = this.config;
    const host = request.header('host');
    return adminToken === '' && isLoopback(adminHost) && host !== '' && !isLoopback(hostname(host));
  }

  private async readiness(): Promise<Answer> {
    const reasons = await this.inspection.notReady();
    const notes = (this.inspection.cluster?.differences ?? []).map(
      ({ option, node, here, there }) =>
        `--${option} is "${here}" here and "${there}" on ${node}: bridged until all agree`,
    );
    const noted = notes.length > 0 ? { notes } : {};
    return reasons.length === 0
      ? json(200, { status: 'ready', ...noted })
      : json(503, { status: 'not ready', reasons, ...noted });
  }

  private async metricsText(): Promise<Answer> {
    const body = await this.metrics.text();
    return { status: 200, contentType: this.metrics.contentType, body, headers: {} };
  }

  private async stats(): Promise<Answer> {
    const [workers, notReady] = await Promise.all([this.inspection.stats(), this.inspection.notReady()]);
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    const report: StatsReport = {
      schema: 'fanwire.stats/1',
      version,
      pid: process.pid,
      now: new Date().toISOString(),
      startedAt: new Date(this.startedAtMs).toISOString(),
      uptimeS: Math.round((performance.now() - this.startedAt) / 1000),
      ready: notReady.length === 0,
      notReady,
      relay: this.entrance(),
      rules: this.rules,
      process: { rssBytes: rss, heapUsedBytes: heapUsed, cpuS: (user + system) / 1e6 },
      workerRestarts: this.inspection.workerRestarts,
      cluster: this.inspection.cluster ?? null,
      total: totalOf(workers),
      workers,
    };
    return json(200, report);
  }

  private entrance(): RelayEntrance {
    const { host, tlsCert, auth, origins, maxConnections } = this.config;
    const { certificate } = this;
    const tlsExpiresAt = certificate === undefined ? null : new Date(certificate.expiresAtMs).toISOString();
    const tls = tlsCert !== '';
    return { host, port: this.inspection.port, tls, tlsExpiresAt, auth, origins, maxConnections };
  }

  private async topics(query: string): Promise<Answer> {
    const limit = limitOf(query, MAX_TOPICS, 20);
    const by = queryValue(query, 'by') ?? 'subscribers';
    if (by !== 'subscribers' && by !== 'rate')
      return badQuery(`"by" is subscribers or rate, got ${JSON.stringify(by)}`);
    if (limit === undefined) return badQuery(`"limit" is a whole number from 1 to ${MAX_TOPICS}`);
    return json(200, { by, topics: await this.inspection.topics(by satisfies TopicOrder, limit) });
  }

  private async connections(query: string): Promise<Answer> {
    const limit = limitOf(query, MAX_PAGE, 100);
    if (limit === undefined) return badQuery(`"limit" is a whole number from 1 to ${MAX_PAGE}`);
    const value = (name: string): string | undefined => queryValue(query, name);
    const [after, user, address, topic] = ['after', 'user', 'address', 'topic'].map(value);
    return json(200, await this.inspection.connections({ limit, after, user, address, topic }));
  }

  private async kick(id: string): Promise<Answer> {
    if (await this.inspection.kick(id)) {
      this.log.info({ id }, 'connection closed by an administrator');
      return json(200, { closed: id });
    }
    return refused({ ...Refused.noConnection, message: `no connection has the id ${quoted(id)}` });
  }
}

/** A Host header without its port; names have no case, and may end with the dot of the root. */
function hostname(host: string): string {
  return host
    .replace(/:\d*$/, '')
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

function isLoopback(host: string): boolean {
  return /^(127(\.\d{1,3}){3}|::1|localhost)$/i.test(host);
}

function noRoute({ method, path }: Request): Refusal {
  const asked = `${clip(method)} ${quoted(path)}`;
  return { ...Refused.noRoute, message: `nothing answers ${asked} here; there is ${ROUTES}` };
}

function badQuery(message: string): Answer {
  return refused({ ...Refused.adminQuery, message });
}

/** The query's `limit`, `initial` where it has none, undefined where it is no number from 1 to `max`. */
function limitOf(query: string, max: number, initial: number): number | undefined {
  const limit = Number(queryValue(query, 'limit') ?? initial);
  return Number.isInteger(limit) && limit >= 1 && limit <= max ? limit : undefined;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

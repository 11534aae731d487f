// From an upgrade request to a WebSocket: who may connect, and to which topic. Authentication may take a while, and the
// client may leave meanwhile. So everything is first copied out of uWS's request, and its response is not used after an
// abort.
import { type Identity, isRefusal, refusedIdentity } from '../../auth/auth.js';
import { chooseProtocol, hearsRefusals, takesBatches } from '../../auth/token.js';
import { type Refusal, Refused } from '../../protocol/codes.js';
import { EVERY_RANGE, MAX_WINDOW_MS, SUBPROTOCOL } from '../../protocol/envelope.js';
import { queryValue } from '../../protocol/query.js';
import { REWIND_RANGE, type Rewind, readRewind } from '../../protocol/rewind.js';
import { parseTopicPath } from '../../protocol/topic-name.js';
import type { TopicTable } from '../fanout/topic-table.js';
import type { HttpRequest, HttpResponse, us_socket_context_t } from '../uws.js';
import type { Access, Applicant } from './access.js';
import type { Admission } from './admission.js';
import type { FileLimit } from './file-limit.js';
import { HEADER, listHeader, offeredProtocols } from './header-names.js';
import type { RelayHouse } from './house.js';
import { ResponseLife } from './response-life.js';
import { clip } from './routes.js';

/** A client that may connect. */
export interface Entrant {
  /** The topic of a raw client; undefined for one that speaks fanwire.v1. */
  readonly topic: string | undefined;
  /** The client's address as `Admission` counts it: whoever takes the entrant in releases it at the close. */
  readonly address: string;
  readonly identity: Identity;
  /** The answer to Sec-WebSocket-Protocol; empty if the client asked for none that the relay speaks. */
  readonly protocol: string;
  /** Least milliseconds between two writes to a raw client; 0: as its topic says. */
  readonly everyMs: number;
  /** Which past messages a raw client begins with; undefined: as its topic says. */
  readonly rewind: Rewind | undefined;
  /** Whether an enveloped client takes several ops in one frame. */
  readonly takesBatches: boolean;
}

/** What a handshake asks for. */
interface Knock {
  /** Whether the client is told with a close code that its token is refused. */
  readonly hearsRefusals: boolean;
  /** Undefined for an enveloped client, which names its topics in ops: its path may be anything a proxy routes by. */
  readonly topic: string | undefined;
  readonly protocol: string;
  /** Least milliseconds between two writes to a raw client; 0: as its topic says. */
  readonly everyMs: number;
  /** Which past messages a raw client begins with; undefined: as its topic says. */
  readonly rewind: Rewind | undefined;
  readonly takesBatches: boolean;
}

/** Headers that uWS needs unchanged at the upgrade. */
export interface HandshakeHeaders {
  readonly key: string;
  readonly extensions: string;
}

/** How the relay receives a client that was admitted. */
export interface Reception {
  /** Runs `upgrade` after an await; see CorkHolder. */
  corkedUpgrade(res: HttpResponse, upgrade: () => void): void;
  welcome(res: HttpResponse, context: us_socket_context_t, headers: HandshakeHeaders, entrant: Entrant): void;
}

export class Upgrades {
  constructor(
    private readonly access: Access,
    private readonly admission: Admission,
    private readonly fileLimit: FileLimit,
    private readonly topics: TopicTable,
    private readonly house: Pick<RelayHouse, 'isDraining' | 'refuseUpgrade' | 'failed'>,
    private readonly reception: Reception,
  ) {}

  /** uWS's upgrade handler. */
  handle(res: HttpResponse, req: HttpRequest, context: us_socket_context_t): void {
    const knock = this.knock(res, req);
    if ('status' in knock) {
      this.house.refuseUpgrade(res, knock);
      return;
    }
    const { address } = knock;
    const headers = {
      key: req.getHeader(HEADER['sec-websocket-key']),
      extensions: req.getHeader(HEADER['sec-websocket-extensions']),
    };
    const { protocol, topic, everyMs, rewind, takesBatches } = knock;
    const welcome = (identity: Identity): void => {
      this.fileLimit.upgraded();
      const wishes = { everyMs, rewind, takesBatches };
      this.reception.welcome(res, context, headers, { topic, address, identity, protocol, ...wishes });
    };
    const refuse = (refusal: Refusal): void => {
      this.admission.release(address);
      this.house.refuseUpgrade(res, refusal);
    };

    const outcome = this.access.identify(knock);
    if (!(outcome instanceof Promise)) {
      const entry = this.entryOf(outcome, knock);
      if (isRefusal(entry)) refuse(entry);
      else welcome(entry);
      return;
    }
    const life = new ResponseLife(res);
    // False until the client is let in or refused; if it leaves before, its slot is released.
    let isDecided = false;
    life.onEnd(() => {
      if (!isDecided) this.admission.release(address);
    });
    const decide = (settled: Identity | Refusal): void => {
      if (life.isOver) return;
      isDecided = true;
      const entry = this.entryOf(settled, knock);
      if (isRefusal(entry)) res.cork(() => refuse(entry));
      else this.reception.corkedUpgrade(res, () => welcome(entry));
    };
    outcome.then(decide, (error: unknown) => {
      this.house.failed(error);
      decide(Refused.failed);
    });
  }

  /** Cheap checks first. On success one admission slot is held: release it on refusal, abort or close. */
  private knock(res: HttpResponse, req: HttpRequest): (Applicant & Knock) | Refusal {
    if (this.house.isDraining()) return Refused.draining;
    const handshake = checkHandshake(req);
    if ('status' in handshake) return handshake;
    const applicant = this.access.read(res, req);
    if ('status' in applicant) return applicant;
    const refusal = this.fileLimit.refusal() ?? this.admission.admit(applicant.address);
    return refusal ?? { ...applicant, ...handshake };
  }

  /** Who the client is after authentication, or why it may not connect or join its topic. Draining and free capacity
   *  are checked again, since they may have changed while the token was verified. */
  private entryOf(outcome: Identity | Refusal, { topic, rewind, hearsRefusals }: Knock): Identity | Refusal {
    if (isRefusal(outcome)) return hearsRefusals && outcome.status === 401 ? refusedIdentity(outcome) : outcome;
    if (this.house.isDraining()) return Refused.draining;
    if (topic === undefined) return outcome;
    if (!outcome.canSubscribe(topic)) return Refused.subscribeForbidden;
    if (rewind && !this.topics.keeps(topic)) return Refused.notKept;
    return this.topics.hasRoomFor(topic) ? outcome : Refused.tooManyTopics;
  }
}

const UPGRADE = /\bupgrade\b/i;

/** Checks that need no knowledge of the client: protocol version, subprotocol, query and topic. */
function checkHandshake(req: HttpRequest): Knock | Refusal {
  // RFC 6455 §4.2.1. uWS does not check it, and with `Connection: close` it closes the socket during its upgrade.
  if (!UPGRADE.test(req.getHeader(HEADER.connection)) && !UPGRADE.test(listHeader(req, 'connection'))) {
    return Refused.wsConnection;
  }
  const version = req.getHeader(HEADER['sec-websocket-version']);
  if (version !== '13') {
    return {
      ...Refused.wsVersion,
      message: `Sec-WebSocket-Version must be 13 (RFC 6455), got ${JSON.stringify(version)}`,
    };
  }
  const offered = offeredProtocols(req);
  const protocol = chooseProtocol(offered);
  if (protocol === undefined) {
    // Most clients close a socket that accepts none of the protocols they offered, and reconnect at once.
    return {
      ...Refused.subprotocol,
      message: `Sec-WebSocket-Protocol offers fanwire.v1 or fanwire.raw, or is left out; got ${JSON.stringify(clip(offered))}`,
    };
  }
  if (protocol === SUBPROTOCOL) {
    const offers = { hearsRefusals: hearsRefusals(offered), takesBatches: takesBatches(offered) };
    return { topic: undefined, protocol, everyMs: 0, rewind: undefined, ...offers };
  }
  const wishes = rawWishes(req.getQuery());
  if ('status' in wishes) return wishes;
  const parsed = parseTopicPath(req.getUrl());
  if ('status' in parsed) return parsed;
  return { topic: parsed.topic, protocol, ...wishes, hearsRefusals: false, takesBatches: false };
}

/** The wishes of a raw client, from its query. */
function rawWishes(query: string | undefined): Pick<Knock, 'everyMs' | 'rewind'> | Refusal {
  const bad = (message: string): Refusal => ({ ...Refused.wsQuery, message });
  const every = queryValue(query, 'every');
  if (every !== undefined && !(/^\d{1,7}$/.test(every) && Number(every) > 0 && Number(every) <= MAX_WINDOW_MS)) {
    return bad(`"every" is ${EVERY_RANGE}, got ${JSON.stringify(clip(every))}`);
  }
  const asked = queryValue(query, 'rewind');
  const rewind = readRewind(asked);
  if (asked !== undefined && rewind === undefined) {
    return bad(`"rewind" is ${REWIND_RANGE}; got ${JSON.stringify(clip(asked))}`);
  }
  return { everyMs: Number(every ?? 0), rewind };
}

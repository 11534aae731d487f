// The events of a WebSocket as uWS reports them: open, message, drain, close. Each is passed on to the part that
// handles it.
import type { RelayConfig } from '../config/schema.js';
import { controlFrames, socketLimits } from './app.js';
import type { OpsBudget } from './budget/ops-budget.js';
import type { PublishGuard } from './budget/publish-guard.js';
import type { Admission } from './door/admission.js';
import type { Gate } from './entrance.js';
import type { CloseCause } from './exit/close-cause.js';
import type { Cuts } from './exit/cuts.js';
import type { Expiry } from './exit/expiry.js';
import type { Connection, SocketState } from './fanout/audience.js';
import type { SlowConsumers } from './fanout/slow.js';
import type { TopicLayer } from './topic-layer.js';
import type { WebSocket, WebSocketBehavior } from './uws.js';
import type { Counters } from './watch/counters.js';

export interface SocketParts {
  readonly config: RelayConfig;
  readonly counters: Counters;
  readonly connections: Map<string, Connection>;
  readonly layer: TopicLayer;
  readonly cuts: Cuts;
  readonly ops: OpsBudget<Connection>;
  readonly guard: PublishGuard;
  readonly slow: SlowConsumers;
  readonly expiry: Expiry;
  readonly admission: Admission;
  /** Replaced once the relay has opened. */
  closeCause(): CloseCause;
  /** A socket answered a ping. */
  ponged(connection: Connection): void;
  /** A socket of the gate has closed. */
  left(): void;
}

export type Upgrade = WebSocketBehavior<SocketState>['upgrade'];

/** uWS copies the socket's state onto the object that stands for the socket, which is also what getUserData returns.
 *  Reading it there saves a call into uWS. */
function connectionOf(ws: WebSocket<SocketState>): Connection {
  return (ws as Partial<SocketState>).connection ?? ws.getUserData().connection;
}

export function socketBehavior(gate: Gate, parts: SocketParts, upgrade: Upgrade): WebSocketBehavior<SocketState> {
  const { config, counters, connections, layer, cuts, ops, guard, slow, expiry, admission } = parts;
  const { maxPayloadBytes } = config;
  const take = (connection: Connection, message: ArrayBuffer, isBinary: boolean): void => {
    const size = message.byteLength;
    if (size > maxPayloadBytes) {
      cuts.tooBig(connection, size);
      return;
    }
    if (connection.topic === undefined) connection.session?.receive(message, isBinary);
    else if (connection.published === 0) layer.first.hold(connection, message, isBinary, size);
    else layer.publishRaw(connection, message, isBinary, size);
  };
  return {
    ...socketLimits(config, slow.hardLimitBytes),
    upgrade,
    ...controlFrames(ops, parts.ponged),
    open: (ws) => {
      const { connection } = ws.getUserData();
      connection.ws = ws;
      connection.app = gate.app;
      gate.sockets++;
      connections.set(connection.id, connection);
      counters.opened++;
      expiry.watch(connection);
      layer.opened(connection);
    },
    message: guard.isNeeded
      ? (ws, message, isBinary) => {
          const { connection } = ws.getUserData();
          const { session, mayPublish } = connection; // a session checks each publish itself
          const refusal = session ? undefined : guard.check(connection, mayPublish, message.byteLength);
          if (refusal === undefined) take(connection, message, isBinary);
          else cuts.mayNotPublish(connection, refusal);
        }
      : (ws, message, isBinary) => take(connectionOf(ws), message, isBinary),
    drain: (ws) => {
      const { connection } = ws.getUserData();
      slow.onDrain(connection);
      layer.onDrain(connection);
    },
    close: (ws, code, reason) => {
      const { connection } = ws.getUserData();
      connection.ws = undefined;
      parts.left();
      connections.delete(connection.id);
      admission.release(connection.remoteAddress);
      expiry.forget(connection);
      counters.closed++;
      slow.onClose(connection);
      layer.closed(connection);
      const cut = code === 1006 ? cuts.byUws(connection, reason, parts.closeCause()) : undefined;
      if (connection.published > 0) return;
      if (cut === 'protocol') cuts.withheld(connection, layer.first.withhold(connection));
      else layer.first.passOn(connection);
    },
  };
}

// Stand-in until the relay lands.
import type { RelayConfig } from '../config/schema.js';
import type { Logger } from '../log.js';
import { FanwireError } from '../protocol/codes.js';
import { App, listenExclusively, type TemplatedApp, us_listen_socket_close, us_socket_local_port } from './uws.js';

export interface Relay {
  port: number;
  drain(): Promise<void>;
  close(): void;
}

export function startRelay(config: RelayConfig, log: Logger): Promise<Relay> {
  return new Promise((resolve, reject) => {
    const sockets = new Set<{ end(code: number, reason?: string): void }>();
    const app: TemplatedApp = App().ws<{ topic: string }>('/*', {
      maxPayloadLength: config.maxPayloadBytes,
      idleTimeout: config.idleTimeoutS,
      upgrade(res, req, context) {
        res.upgrade(
          { topic: req.getUrl().slice(1) || 'lobby' },
          req.getHeader('sec-websocket-key'),
          req.getHeader('sec-websocket-protocol'),
          req.getHeader('sec-websocket-extensions'),
          context,
        );
      },
      open(ws) {
        sockets.add(ws);
        ws.subscribe(ws.getUserData().topic);
      },
      message(ws, message, isBinary) {
        ws.publish(ws.getUserData().topic, message, isBinary);
      },
      close(ws) {
        sockets.delete(ws);
      },
    });
    app.get('/*', (res) => {
      res.writeStatus('400 Bad Request').end('{"error":{"code":"FANWIRE_X","message":"no"}}');
    });
    listenExclusively(app, config.host, config.port, (token) => {
      if (!token) {
        reject(
          new FanwireError(
            'FANWIRE_LISTEN',
            `cannot listen on ${config.host}:${config.port}: is it in use? Try --port 0`,
          ),
        );
        return;
      }
      const port = us_socket_local_port(token as never);
      log.info({ port }, 'listening');
      resolve({
        port,
        async drain() {
          us_listen_socket_close(token);
          for (const socket of sockets) socket.end(1012, 'restart');
        },
        close() {
          app.close();
        },
      });
    });
  });
}

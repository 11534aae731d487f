// The health check on the relay's own port, for balancers that can ask no other one.
import type { RelayConfig } from '../config/schema.js';
import type { Routes } from '../relay/entrance.js';
import type { RequestCount } from '../relay/exit/requests.js';
import type { HttpResponse } from '../relay/uws.js';
import type { Inspection } from '../relay/watch/inspection.js';
import { type Answer, json, OK, send, sendHead, sendLater } from './respond.js';

/** Why is no business of whoever may reach this port: /readyz of the admin port says. */
const NOT_READY: Answer = json(503, { status: 'not ready' });

/** What the health check asks of a relay. */
export interface HealthTarget {
  addRoutes(routes: Routes): void;
  readonly requests: RequestCount;
}

export class HealthRoute {
  constructor(
    private readonly relay: HealthTarget,
    private readonly inspection: Pick<Inspection, 'notReady'>,
    private readonly config: Pick<RelayConfig, 'healthPath'>,
  ) {}

  /** Adds the route to the relay's port. */
  attach(): void {
    const { healthPath } = this.config;
    if (healthPath === '') return;
    this.relay.addRoutes(({ app }) => {
      app.get(healthPath, (res, req) => {
        // A WebSocket for the topic of that name.
        if (req.getHeader('upgrade') !== '') req.setYield(true);
        else this.answer(res, send);
      });
      app.head(healthPath, (res) => this.answer(res, sendHead));
    });
  }

  private answer(res: HttpResponse, write: (res: HttpResponse, answer: Answer) => void): void {
    const ended = this.relay.requests.begin();
    const work = this.inspection.notReady().then((reasons) => (reasons.length === 0 ? OK : NOT_READY));
    sendLater(res, work.finally(ended), write, () => {});
  }
}

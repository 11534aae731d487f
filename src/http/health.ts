// The health check on the relay's own port, for balancers that can ask no other one.
import type { RelayConfig } from '../config/schema.js';
import { type Answer, json, OK } from '../relay/door/answer.js';
import type { HttpRoutes } from '../relay/door/routes.js';
import type { Inspection } from '../relay/watch/inspection.js';

/** Why is no business of whoever may reach this port: /readyz of the admin port says. */
const NOT_READY: Answer = json(503, { status: 'not ready' });

/** What the health check asks of a relay. */
export interface HealthTarget {
  addRoutes(add: (routes: HttpRoutes) => void): void;
}

export class HealthRoute {
  constructor(
    private readonly relay: HealthTarget,
    private readonly inspection: Pick<Inspection, 'notReady'>,
    private readonly config: Pick<RelayConfig, 'healthPath'>,
  ) {}

  /** Adds the route to the relay's port. A WebSocket for the topic of that name goes by it: uWS asks for upgrades
   *  first. */
  attach(): void {
    const { healthPath } = this.config;
    if (healthPath === '') return;
    this.relay.addRoutes((routes) => routes.add(healthPath, { GET: () => this.answer() }));
  }

  private async answer(): Promise<Answer> {
    const reasons = await this.inspection.notReady();
    return reasons.length === 0 ? OK : NOT_READY;
  }
}

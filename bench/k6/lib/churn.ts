// Subscribers that are replaced: during the measured phase, the oldest leaves and a new one takes its place.

import exec from 'k6/execution';
import { clearInterval, setInterval, setTimeout } from 'k6/timers';
import type { WebSocket } from 'k6/websockets';
import { openPaced, openSocket } from './connect.ts';
import { frame, readFrame } from './frame.ts';
import { Lives } from './lives.ts';
import { Observed } from './observed.ts';
import type { Timeline } from './schedule.ts';
import type { Settings } from './settings.ts';

/** Replacements per second that one VU makes. Its event loop can do far more, so handshakes are timed correctly. */
const CHURN_PER_VU = 100;

export function churnVus(settings: Settings): number {
  return Math.ceil(settings.churnRate / CHURN_PER_VU);
}

interface Visitor {
  readonly slot: number;
  readonly socket: WebSocket;
  /** Whether it has left: what arrives later no longer counts for its slot. */
  hasLeft: boolean;
}

export function churn(settings: Settings, timeline: Timeline): void {
  const observed = new Observed(settings, timeline);
  const vus = churnVus(settings);
  const index = exec.scenario.iterationInTest;
  const staying = Math.max(0, Math.ceil((settings.churners - index) / vus));
  const replacements = Math.floor((settings.durationS * settings.churnRate) / vus);
  const first = settings.steady + index;
  const lives = new Lives(settings, staying, first, vus);
  const free = Array.from({ length: staying }, (_, slot) => slot);
  const visitors: Visitor[] = [];

  const part = (visitor: Visitor) => {
    visitor.hasLeft = true;
    lives.endEarly(visitor.slot);
    free.push(visitor.slot);
    visitor.socket.close();
  };

  const join = (settled: () => void) => {
    const slot = free.shift();
    if (slot === undefined) {
      settled();
      return;
    }
    const connection = first + slot * vus;
    const topic = connection % settings.topics;
    let visitor: Visitor | undefined;
    openSocket(
      settings,
      topic,
      connection,
      observed,
      {
        opened: (socket) => {
          visitor = { slot, socket, hasLeft: false };
          visitors.push(visitor);
          // Messages published before it joined are not lost.
          if (observed.now() > timeline.measureAt) lives.beginLate(slot);
          else lives.beginWhole(slot);
        },
        message: (payload, readAt) => {
          if (!readFrame(payload)) {
            observed.foreign++;
            return;
          }
          if (visitor === undefined || visitor.hasLeft || frame.sequence < 0) return;
          if (lives.hear(slot, frame.publisher, frame.sequence)) observed.arrived(topic, frame.dueAt, readAt);
        },
        failed: () => free.push(slot),
        closed: () => {
          if (visitor === undefined || visitor.hasLeft) return;
          visitors.splice(visitors.indexOf(visitor), 1);
          observed.endedByServer();
          part(visitor);
        },
      },
      settled,
    );
  };

  const inFlight = Math.ceil(settings.maxHandshakes / vus);
  openPaced(
    staying,
    { startAt: timeline.connectAt, everyMs: (vus * 1000) / settings.connectRate, inFlight },
    observed.now,
    (_, settled) => join(settled),
  );
  openPaced(
    replacements,
    // The VUs take turns, so that they do not all replace a subscriber at the same time.
    {
      startAt: timeline.measureAt + (index * 1000) / settings.churnRate,
      everyMs: (vus * 1000) / settings.churnRate,
      inFlight,
    },
    observed.now,
    (_, settled) => {
      const oldest = visitors.shift();
      if (oldest !== undefined) part(oldest);
      join(settled);
    },
  );

  const flushing = setInterval(() => observed.flush(), 1000);
  const stay = timeline.drainAt + Math.min(1000, settings.drainS * 1000);
  setTimeout(() => {
    clearInterval(flushing);
    for (const visitor of visitors.splice(0)) part(visitor);
    observed.account(lives);
    observed.finish();
  }, stay - observed.now());
}

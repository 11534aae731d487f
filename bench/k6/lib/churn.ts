// Subscribers that do not stay: while messages are measured, the oldest leaves and a new one joins in its place.

import exec from 'k6/execution';
import { clearInterval, setInterval, setTimeout } from 'k6/timers';
import type { WebSocket } from 'k6/websockets';
import { openPaced, openSocket } from './connect.ts';
import { frame, readFrame } from './frame.ts';
import { Observed } from './observed.ts';
import { type Stream, streamOf, type Timeline } from './schedule.ts';
import { SequenceTracker } from './sequence.ts';
import type { Settings } from './settings.ts';

/** Replacements a second that one VU makes: well under what its event loop can do, so that handshakes are timed
 *  right. */
const CHURN_PER_VU = 100;

export function churnVus(settings: Settings): number {
  return Math.ceil(settings.churnRate / CHURN_PER_VU);
}

interface Visitor {
  readonly socket: WebSocket;
  readonly trackers: Map<number, SequenceTracker>;
}

export function churn(settings: Settings, timeline: Timeline): void {
  const observed = new Observed(settings, timeline);
  const vus = churnVus(settings);
  const index = exec.scenario.iterationInTest;
  const staying = Math.ceil((settings.churners - index) / vus);
  const replacements = Math.floor((settings.durationS * settings.churnRate) / vus);
  const visitors: Visitor[] = [];

  const streams: Stream[] = [];
  for (let publisher = 0; publisher < settings.publishers; publisher++) {
    streams.push(streamOf(publisher, settings, timeline));
  }

  const join = (k: number, settled: () => void) => {
    const connection = settings.steady + index + k * vus;
    const trackers = new Map<number, SequenceTracker>();
    openSocket(
      settings,
      connection % settings.topics,
      connection,
      observed,
      {
        opened: (socket) => visitors.push({ socket, trackers }),
        message: (payload, readAt) => {
          const stream = readFrame(payload) ? streams[frame.publisher] : undefined;
          if (stream === undefined) {
            observed.foreign++;
            return;
          }
          let tracker = trackers.get(frame.publisher);
          if (tracker === undefined) {
            // A visitor's first message is where its account begins: what was published before it joined is not lost.
            tracker = new SequenceTracker(Math.max(frame.sequence, stream.firstMeasured));
            trackers.set(frame.publisher, tracker);
          }
          if (tracker.accept(frame.sequence)) observed.arrived(stream.topic, frame.dueAt, readAt);
        },
        closed: () => {
          const at = visitors.findIndex((visitor) => visitor.trackers === trackers);
          if (at < 0) return;
          observed.endedByServer();
          part(visitors.splice(at, 1)[0] as Visitor, observed);
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
    join,
  );
  openPaced(
    replacements,
    // In turn with the other VUs, not in step with them.
    {
      startAt: timeline.measureAt + (index * 1000) / settings.churnRate,
      everyMs: (vus * 1000) / settings.churnRate,
      inFlight,
    },
    observed.now,
    (k, settled) => {
      const oldest = visitors.shift();
      if (oldest !== undefined) part(oldest, observed);
      join(staying + k, settled);
    },
  );

  const flushing = setInterval(() => observed.flush(), 1000);
  const stay = timeline.drainAt + Math.min(1000, settings.drainS * 1000);
  setTimeout(() => {
    clearInterval(flushing);
    for (const visitor of visitors.splice(0)) part(visitor, observed);
    observed.finish();
  }, stay - observed.now());
}

function part(visitor: Visitor, observed: Observed): void {
  for (const tracker of visitor.trackers.values()) {
    observed.lost += tracker.skipped;
    observed.duplicated += tracker.duplicated;
    observed.outOfOrder += tracker.outOfOrder;
  }
  visitor.socket.close();
}

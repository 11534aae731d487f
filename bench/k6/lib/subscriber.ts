// A VU full of subscribers: it opens its share of the sockets, counts what reaches them, and leaves once all has come
// or the drain time is over.

import exec from 'k6/execution';
import { clearInterval, setInterval, setTimeout } from 'k6/timers';
import type { WebSocket } from 'k6/websockets';
import { openPaced, openSocket } from './connect.ts';
import { frame, readFrame } from './frame.ts';
import { Observed } from './observed.ts';
import { measuredOf, streamOf, type Timeline } from './schedule.ts';
import { SequenceTracker } from './sequence.ts';
import type { Settings } from './settings.ts';

const FLUSH_EVERY_MS = 1000;
const DRAIN_CHECK_EVERY_MS = 50;

interface Subscriber {
  readonly topic: number;
  /** By publisher; only those of the topic. */
  readonly trackers: SequenceTracker[];
  socket: WebSocket | undefined;
}

export function subscribe(settings: Settings, timeline: Timeline): void {
  const observed = new Observed(settings, timeline);
  const first = exec.scenario.iterationInTest;
  const mine = Math.ceil((settings.steady - first) / settings.vus);
  const subscribers: Subscriber[] = [];
  let outstanding = 0;

  const join = (k: number, settled: () => void) => {
    const connection = first + k * settings.vus;
    const subscriber = newSubscriber(connection % settings.topics, settings, timeline);
    openSocket(
      settings,
      subscriber.topic,
      connection,
      observed,
      {
        opened: (socket) => {
          if (observed.now() > timeline.measureAt) {
            observed.late++;
            socket.close();
            return;
          }
          subscriber.socket = socket;
          subscribers.push(subscriber);
          observed.openByTopic[subscriber.topic] = (observed.openByTopic[subscriber.topic] ?? 0) + 1;
          outstanding += measuredOf(subscriber.topic, settings, timeline);
        },
        message: (payload, readAt) => {
          const tracker = readFrame(payload) ? subscriber.trackers[frame.publisher] : undefined;
          if (tracker === undefined) {
            observed.foreign++;
            return;
          }
          if (!tracker.accept(frame.sequence)) return;
          outstanding--;
          observed.arrived(subscriber.topic, frame.dueAt, readAt);
        },
        closed: () => {
          if (subscriber.socket !== undefined) observed.endedByServer();
        },
      },
      settled,
    );
  };
  const pace = {
    startAt: timeline.connectAt + (first * 1000) / settings.connectRate,
    everyMs: (settings.vus * 1000) / settings.connectRate,
    inFlight: Math.ceil(settings.maxHandshakes / settings.vus),
  };
  openPaced(mine, pace, observed.now, join);

  const flushing = setInterval(() => observed.flush(), FLUSH_EVERY_MS);
  const leave = () => {
    if (outstanding > 0 && observed.now() < timeline.endAt) {
      setTimeout(leave, DRAIN_CHECK_EVERY_MS);
      return;
    }
    clearInterval(flushing);
    for (const subscriber of subscribers) part(subscriber, observed, settings, timeline);
    observed.finish();
  };
  setTimeout(leave, timeline.drainAt - observed.now());
}

function newSubscriber(topic: number, settings: Settings, timeline: Timeline): Subscriber {
  const trackers: SequenceTracker[] = [];
  for (let publisher = topic; publisher < settings.publishers; publisher += settings.topics) {
    trackers[publisher] = new SequenceTracker(streamOf(publisher, settings, timeline).firstMeasured);
  }
  return { topic, trackers, socket: undefined };
}

/** Counts what a subscriber missed and closes it. */
function part(subscriber: Subscriber, observed: Observed, settings: Settings, timeline: Timeline): void {
  let delivered = 0;
  for (const tracker of subscriber.trackers) {
    if (tracker === undefined) continue;
    delivered += tracker.delivered;
    observed.duplicated += tracker.duplicated;
    observed.outOfOrder += tracker.outOfOrder;
  }
  observed.lost += measuredOf(subscriber.topic, settings, timeline) - delivered;
  const socket = subscriber.socket;
  subscriber.socket = undefined;
  socket?.close();
}

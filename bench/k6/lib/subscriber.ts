// A VU with many subscribers: it opens its share of the sockets, counts what arrives, and ends when everything has
// arrived or the drain time is over.

import exec from 'k6/execution';
import { clearInterval, setInterval, setTimeout } from 'k6/timers';
import type { WebSocket } from 'k6/websockets';
import { openPaced, openSocket } from './connect.ts';
import { frame, readFrame } from './frame.ts';
import { Lives } from './lives.ts';
import { Observed } from './observed.ts';
import { measuredByPublisher, measuredOf, type Timeline } from './schedule.ts';
import type { Settings } from './settings.ts';

const FLUSH_EVERY_MS = 1000;
const DRAIN_CHECK_EVERY_MS = 50;

interface Subscriber {
  readonly slot: number;
  readonly topic: number;
  socket: WebSocket | undefined;
}

export function subscribe(settings: Settings, timeline: Timeline): void {
  const observed = new Observed(settings, timeline);
  const first = exec.scenario.iterationInTest;
  const mine = Math.ceil((settings.steady - first) / settings.vus);
  const lives = new Lives(settings, Math.max(0, mine), first, settings.vus);
  const subscribers: Subscriber[] = [];
  let outstanding = 0;

  const join = (k: number, settled: () => void) => {
    const connection = first + k * settings.vus;
    const subscriber: Subscriber = { slot: k, topic: connection % settings.topics, socket: undefined };
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
          lives.beginWhole(k);
          observed.openByTopic[subscriber.topic] = (observed.openByTopic[subscriber.topic] ?? 0) + 1;
          outstanding += measuredOf(subscriber.topic, settings, timeline);
        },
        message: (payload, readAt) => {
          if (!readFrame(payload)) {
            observed.foreign++;
            return;
          }
          if (frame.sequence < 0 || !lives.hear(k, frame.publisher, frame.sequence)) return;
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
    lives.endAll(measuredByPublisher(settings, timeline));
    observed.account(lives);
    for (const subscriber of subscribers) part(subscriber);
    observed.finish();
  };
  setTimeout(leave, timeline.drainAt - observed.now());
}

function part(subscriber: Subscriber): void {
  const socket = subscriber.socket;
  subscriber.socket = undefined;
  socket?.close();
}

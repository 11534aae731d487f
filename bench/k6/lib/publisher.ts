// Open-loop publishers: each message is sent when it is due, whether or not anything came of the one before it.

import exec from 'k6/execution';
import { setTimeout } from 'k6/timers';
import { WebSocket } from 'k6/websockets';
import { fineClock } from './clock.ts';
import { frameWriter } from './frame.ts';
import { type Buckets, count, flat } from './histogram.ts';
import * as metrics from './metrics.ts';
import { printLine } from './observed.ts';
import { type Stream, streamOf, type Timeline } from './schedule.ts';
import { type Settings, topicUrl } from './settings.ts';

/** Event loops that publish. They hold no subscribers, so deliveries do not delay what is due. */
const MOST_VUS = 4;
/** A socket stays this long after its last message: some servers drop what a sender that has gone left behind. */
const LINGER_MS = 500;
/** readyState of an open socket. @types/k6 declares WebSocket.OPEN, but k6 2.2 does not define it. */
const OPEN = 1;

export function publisherVus(settings: Settings): number {
  return Math.min(settings.publishers, MOST_VUS);
}

interface Publisher {
  readonly index: number;
  readonly stream: Stream;
  readonly socket: WebSocket;
  readonly write: (sequence: number, dueAt: number) => string | ArrayBuffer;
  next: number;
  /** Messages of the measured phase. */
  sent: number;
  unsent: number;
}

export function publish(settings: Settings, timeline: Timeline): void {
  const now = fineClock();
  const slipUs: Buckets = new Map();
  const publishers: Publisher[] = [];
  for (let index = exec.scenario.iterationInTest; index < settings.publishers; index += publisherVus(settings)) {
    publishers.push(newPublisher(index, settings, timeline));
  }

  const publishDue = () => {
    let nextDue = Infinity;
    let sent = 0;
    for (const publisher of publishers) {
      for (; publisher.next < publisher.stream.count; publisher.next++) {
        const dueAt = publisher.stream.dueAt(publisher.next);
        const late = now() - dueAt;
        if (late < 0) {
          nextDue = Math.min(nextDue, dueAt);
          break;
        }
        const measured = publisher.next >= publisher.stream.firstMeasured;
        if (!send(publisher, dueAt, measured) || !measured) continue;
        sent++;
        count(slipUs, late);
        metrics.scheduleSlip.add(late);
      }
    }
    if (sent > 0) metrics.published.add(sent);
    if (nextDue < Infinity) setTimeout(publishDue, nextDue - now());
    else setTimeout(leave, timeline.drainAt + LINGER_MS - now());
  };
  const leave = () => {
    const writing = publishers.some(({ socket }) => socket.readyState === OPEN && socket.bufferedAmount > 0);
    if (writing && now() < timeline.endAt) {
      setTimeout(leave, LINGER_MS);
      return;
    }
    for (const { socket } of publishers) if (socket.readyState === OPEN) socket.close();
    const counts = publishers.map(({ stream, sent, unsent }) => ({ topic: stream.topic, sent, unsent }));
    printLine(settings, { kind: 'publishers', publishers: counts, slipUs: flat(slipUs) });
  };
  setTimeout(publishDue, timeline.warmupAt - now());
}

function newPublisher(index: number, settings: Settings, timeline: Timeline): Publisher {
  const stream = streamOf(index, settings, timeline);
  const socket = new WebSocket(topicUrl(settings, stream.topic, index), null, { headers: settings.headers });
  // Without a handler k6 fails the iteration; the messages that could not be sent are counted instead.
  socket.onerror = (event) => console.error(`publisher ${index}: ${event?.error ?? 'unknown error'}`);
  const write = frameWriter(index, settings.payloadBytes, settings.binary);
  return { index, stream, socket, write, next: 0, sent: 0, unsent: 0 };
}

function send(publisher: Publisher, dueAt: number, measured: boolean): boolean {
  const open = publisher.socket.readyState === OPEN;
  if (open) publisher.socket.send(publisher.write(publisher.next, dueAt));
  if (measured && open) publisher.sent++;
  if (measured && !open) publisher.unsent++;
  return open;
}

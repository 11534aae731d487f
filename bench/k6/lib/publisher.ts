// Open-loop publishers: each message is sent when it is due, whatever happened to the one before it.

import exec from 'k6/execution';
import { setTimeout } from 'k6/timers';
import { WebSocket } from 'k6/websockets';
import { fineClock } from './clock.ts';
import { frameWriter } from './frame.ts';
import { type Buckets, count, flat } from './histogram.ts';
import * as metrics from './metrics.ts';
import { printLine } from './observed.ts';
import { type Stream, stayingOn, streamOf, type Timeline } from './schedule.ts';
import { type Settings, topicUrl } from './settings.ts';

/** Maximum number of VUs that publish. They hold no subscribers, so that deliveries do not delay what is due. */
const MOST_VUS = 4;
/** A socket stays open this long after its last message, because some servers drop unsent messages of a sender that has
 *  left. */
const LINGER_MS = 500;
/** readyState of an open socket. @types/k6 declares WebSocket.OPEN, but k6 2.2 does not define it. */
const OPEN = 1;

export function publisherVus(settings: Settings): number {
  return Math.min(settings.publishers, MOST_VUS);
}

interface LoadPublisher {
  readonly index: number;
  readonly stream: Stream;
  readonly socket: WebSocket;
  readonly write: (sequence: number, dueAt: number) => string | ArrayBuffer;
  next: number;
  state: 'connecting' | 'open' | 'over';
  /** Messages sent in the measured phase. */
  sent: number;
  unsent: number;
}

export function publish(settings: Settings, timeline: Timeline): void {
  const now = fineClock();
  const slipUs: Buckets = new Map();
  const publishers: LoadPublisher[] = [];
  const ends: Ends = { opened: 0, closedByServer: 0, failures: {} };
  for (let index = exec.scenario.iterationInTest; index < settings.publishers; index += publisherVus(settings)) {
    publishers.push(newPublisher(index, settings, timeline, ends));
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
    for (const publisher of publishers) {
      if (publisher.state === 'open') publisher.socket.close();
      publisher.state = 'over';
    }
    account(publishers, ends, settings);
    const counts = publishers.map(({ stream, sent, unsent }) => ({ topic: stream.topic, sent, unsent }));
    printLine(settings, { kind: 'publishers', publishers: counts, slipUs: flat(slipUs), ...ends });
  };
  setTimeout(publishDue, timeline.warmupAt - now());
}

/** The outcomes of the publishers' connections. */
interface Ends {
  opened: number;
  closedByServer: number;
  readonly failures: { [reason: string]: number };
}

function newPublisher(index: number, settings: Settings, timeline: Timeline, ends: Ends): LoadPublisher {
  const stream = streamOf(index, settings, timeline);
  const socket = new WebSocket(topicUrl(settings, stream.topic, index), null, { headers: settings.headers });
  const write = frameWriter(index, settings.payloadBytes, settings.binary);
  const publisher: LoadPublisher = { index, stream, socket, write, next: 0, state: 'connecting', sent: 0, unsent: 0 };
  const fail = (reason: string) => {
    if (publisher.state !== 'connecting') return;
    publisher.state = 'over';
    ends.failures[reason] = (ends.failures[reason] ?? 0) + 1;
    metrics.connected.add(false);
    metrics.failed.add(1);
  };
  socket.onopen = () => {
    publisher.state = 'open';
    ends.opened++;
    metrics.connected.add(true);
  };
  // Without this handler, k6 fails the iteration.
  socket.onerror = (event) => fail(event?.error ?? 'unknown error');
  socket.onclose = () => {
    fail('closed during the handshake');
    if (publisher.state !== 'open') return;
    publisher.state = 'over';
    ends.closedByServer++;
    metrics.closed.add(1);
  };
  return publisher;
}

/** Reports to k6 at the end. Subscribers expect the whole schedule, so messages that were never sent are subtracted
 *  from what they miss. */
function account(publishers: readonly LoadPublisher[], ends: Ends, settings: Settings): void {
  let unsent = 0;
  for (const publisher of publishers) {
    unsent += publisher.unsent;
    if (publisher.unsent > 0) metrics.lost.add(-publisher.unsent * stayingOn(publisher.stream.topic, settings));
  }
  metrics.unsent.add(unsent);
  metrics.reports.add(1);
  if (settings.report) return;
  for (const [reason, failed] of Object.entries(ends.failures)) {
    console.error(`${failed} publishers could not connect: ${reason}`);
  }
  if (ends.closedByServer > 0) console.error(`${ends.closedByServer} publishers were closed by the server`);
  if (unsent > 0) console.error(`${unsent} messages could not be sent: their publisher was not connected`);
}

function send(publisher: LoadPublisher, dueAt: number, measured: boolean): boolean {
  const open = publisher.state === 'open' && publisher.socket.readyState === OPEN;
  const { next, stream } = publisher;
  if (open) publisher.socket.send(publisher.write(measured ? next - stream.firstMeasured : -1, dueAt));
  if (measured && open) publisher.sent++;
  if (measured && !open) publisher.unsent++;
  return open;
}

// When each message of the run is due. All VUs compute the same schedule from the same start, so a subscriber knows
// what it should have received even if the publisher is stuck and cannot tell it.

import { messagesBy, secondOf } from './rate.ts';
import type { Settings } from './settings.ts';

/** The times of the run, ms since the epoch, fixed once by setup() and passed to every VU. */
export interface Timeline {
  readonly connectAt: number;
  readonly warmupAt: number;
  readonly measureAt: number;
  readonly drainAt: number;
  readonly endAt: number;
}

/** k6 starts its VUs right after setup(). They connect this much later, so that none starts late. */
const VUS_READY_MS = 200;

export function timelineFrom(now: number, settings: Settings): Timeline {
  const connectAt = Math.ceil(now) + VUS_READY_MS;
  const warmupAt = connectAt + settings.connectS * 1000;
  const measureAt = warmupAt + settings.warmupS * 1000;
  const drainAt = measureAt + settings.durationS * 1000;
  return { connectAt, warmupAt, measureAt, drainAt, endAt: drainAt + settings.drainS * 1000 };
}

/** The messages of one publisher: `count` in all; those from `firstMeasured` on are measured. */
export interface Stream {
  readonly topic: number;
  readonly count: number;
  readonly firstMeasured: number;
  dueAt(sequence: number): number;
}

/** Publisher `index` publishes to topic `index mod topics`. Publishers are spread over one interval, because real ones
 *  do not send in step; BURST is for messages at the same time. */
export function streamOf(index: number, settings: Settings, timeline: Timeline): Stream {
  if (settings.stages.length > 0) return stagedStream(index, settings, timeline);
  const burstEveryMs = (1000 * settings.publishers * settings.burst) / settings.rate;
  const startAt = timeline.warmupAt + (burstEveryMs * index) / settings.publishers;
  const dueAt = (sequence: number) => startAt + Math.floor(sequence / settings.burst) * burstEveryMs;
  const before = (instant: number) => Math.max(0, Math.ceil((instant - startAt) / burstEveryMs)) * settings.burst;
  return {
    topic: index % settings.topics,
    count: before(timeline.drainAt),
    firstMeasured: before(timeline.measureAt),
    dueAt,
  };
}

/** Like `streamOf`, with publishers in turn at a rate that changes in stages. */
function stagedStream(index: number, settings: Settings, timeline: Timeline): Stream {
  const { startRate, warmupS, stages, publishers, burst } = settings;
  const dueAt = (sequence: number) => {
    const turn = Math.floor(sequence / burst) * publishers + index;
    return timeline.warmupAt + 1000 * secondOf(turn * burst, startRate, warmupS, stages);
  };
  const before = (instant: number) => {
    const turns = messagesBy((instant - timeline.warmupAt) / 1000, startRate, warmupS, stages) / burst;
    return Math.max(0, Math.ceil((turns - index) / publishers)) * burst;
  };
  return {
    topic: index % settings.topics,
    count: before(timeline.drainAt),
    firstMeasured: before(timeline.measureAt),
    dueAt,
  };
}

/** Messages that a subscriber of `topic` should receive in the measured phase. */
export function measuredOf(topic: number, settings: Settings, timeline: Timeline): number {
  let messages = 0;
  for (let index = topic; index < settings.publishers; index += settings.topics) {
    const stream = streamOf(index, settings, timeline);
    messages += stream.count - stream.firstMeasured;
  }
  return messages;
}

/** Messages that each publisher should send in the measured phase. */
export function measuredByPublisher(settings: Settings, timeline: Timeline): Uint32Array {
  return Uint32Array.from({ length: settings.publishers }, (_, index) => {
    const { count, firstMeasured } = streamOf(index, settings, timeline);
    return count - firstMeasured;
  });
}

/** Subscribers of `topic` that stay for the whole run. */
export function stayingOn(topic: number, settings: Settings): number {
  return Math.floor(settings.steady / settings.topics) + (topic < settings.steady % settings.topics ? 1 : 0);
}

/** Planned deliveries of the measured phase, for objectives that are a share of them. */
export function plannedDeliveries(settings: Settings): number {
  const timeline = timelineFrom(0, settings);
  const subscribers = settings.steady + settings.churners;
  let deliveries = 0;
  for (let topic = 0; topic < settings.topics; topic++) {
    const listening = Math.floor(subscribers / settings.topics) + (topic < subscribers % settings.topics ? 1 : 0);
    deliveries += listening * measuredOf(topic, settings, timeline);
  }
  return deliveries;
}

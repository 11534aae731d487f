// Several relays with delivery windows, joined by a bus on which messages arrive when a test says so. Each relay has an
// enveloped reader; there are no sockets, and no clocks but the test's.
import { type Bus, CrossingKind, type Deliver } from '../../src/bus/bus.js';
import { PublishClock } from '../../src/bus/last-updates.js';
import { noBus } from '../../src/bus/none.js';
import { bodyPayload, readParcel, writeParcel } from '../../src/protocol/parcel.js';
import { lanes, Reader } from './windowed-readers.js';

/** @param clocksAheadMs how far each relay's clock is ahead; as many relays */
export function relaysInWindows(deliver: string, clocksAheadMs: readonly number[]) {
  let nowMs = 1000;
  const arriving: (() => void)[][] = clocksAheadMs.map(() => []);
  const receive: Deliver[] = [];
  const relays = clocksAheadMs.map((aheadMs, self) => {
    const bus: Bus = {
      ...noBus,
      reaches: () => true,
      forward: (topic, message, kind) => {
        const copy = Buffer.from(message as Uint8Array);
        arriving.forEach((queue, to) => {
          if (to !== self) queue.push(() => receive[to]?.(topic, copy, kind));
        });
      },
    };
    const relay = lanes(deliver, { clock: new PublishClock(() => nowMs + aheadMs), bus });
    const reader = new Reader(String(self), 'enveloped');
    relay.join(reader);
    const take = (parcel: Uint8Array, publishedAtMs: number | 'unknown' | undefined): void => {
      const { body, from, key, replaced } = readParcel(parcel);
      const { raw } = bodyPayload(body);
      const about = { body, from, seq: 0, sender: undefined, isForRawOnly: false, replaced, publishedAtMs };
      relay.topic.delivery?.take({ ...about, raw, isBinary: false, key });
    };
    receive.push((_topic, parcel) => take(parcel, readParcel(parcel).atMs ?? 'unknown'));
    const publish = (key: string, text: string): void => {
      const parcel = writeParcel(JSON.stringify(text), undefined, key);
      take(parcel, undefined);
      relay.bus.forward('t', parcel, CrossingKind.envelope);
    };
    return { ...relay, reader, publish };
  });
  const endWindows = (at: number): void => relays[at]?.windows.endAll();
  const deliverTo = (to: number): void => {
    for (const arrive of arriving[to]?.splice(0) ?? []) arrive();
  };
  const each = (act: (at: number) => void): void => {
    for (const at of relays.keys()) act(at);
  };
  return {
    readers: relays.map(({ reader }) => reader),
    publish: (at: number, key: string, text: string) => relays[at]?.publish(key, text),
    pass: (ms: number) => {
      nowMs += ms;
    },
    endWindows,
    deliverTo,
    /** All that waits crosses and arrives. */
    deliverAll: () => {
      each(endWindows);
      each(deliverTo);
    },
    /** The same until nothing waits; what overtaken messages are told with goes out too. */
    settle: () => {
      each(endWindows);
      each(deliverTo);
      each(endWindows);
      for (const { windows } of relays) windows.stop();
    },
    get delivered() {
      return relays.reduce((sum, { reader }) => sum + reader.got.length, 0);
    },
    get conflated() {
      return relays.reduce((sum, { counters }) => sum + counters.conflated, 0);
    },
  };
}

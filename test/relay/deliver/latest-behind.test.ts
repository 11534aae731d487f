// A socket that is behind in a topic of every message, and also in one of the newest: it is sent nothing meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lag } from '../../../src/relay/fanout/lag.js';
import { lanes, Reader } from '../../support/windowed-readers.js';

for (const deliver of ['t=1h,latest', 't=1h,latest-by-key']) {
  test(`a socket that is behind elsewhere, all of whose bytes uWS has sent, misses nothing that is not told: ${deliver}`, () => {
    const { windows, counters, join, publish, drain, endAll } = lanes(deliver);
    const reader = new Reader('a', 'enveloped');
    join(reader);
    publish('1', 'k');
    windows.endAll();
    reader.connection.lag = new Lag();
    for (const text of ['2', '3']) {
      publish(text, 'k');
      windows.endAll();
    }
    assert.deepEqual(reader.got, ['1']);
    reader.connection.lag = undefined;
    drain(reader);
    assert.deepEqual([reader.got, reader.skipped], [['1', '3'], 1]);
    assert.equal(reader.got.length + counters.conflated, 3);
    endAll();
  });
}

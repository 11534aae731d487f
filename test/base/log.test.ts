// A storm of warnings is a few lines and a count.
import assert from 'node:assert/strict';
import test from 'node:test';
import { pino } from 'pino';
import { sampledWarnings } from '../../src/base/log.js';

function recorded() {
  const lines: { msg: string; more?: number; id?: number }[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}

test('of a storm each kind writes its first lines, then one line with the rest counted', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { log, lines } = recorded();
  const warnings = sampledWarnings(log, 3);
  for (let id = 0; id < 1000; id++) warnings.warn('slow consumer closed', { id });
  warnings.warn('upgrade refused', { id: 7 });
  assert.deepEqual(
    lines.map(({ msg, id }) => `${msg} ${id}`),
    ['slow consumer closed 0', 'slow consumer closed 1', 'slow consumer closed 2', 'upgrade refused 7'],
  );
  t.mock.timers.tick(1000);
  assert.equal(lines.length, 5, 'one line for the storm, none for the kind that stayed below');
  assert.deepEqual([lines[4]?.msg, lines[4]?.more], ['… and 997 more: slow consumer closed', 997]);
});

test('the next second starts afresh, and a flush before the end loses no count', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { log, lines } = recorded();
  const warnings = sampledWarnings(log, 1);
  warnings.warn('a', {});
  t.mock.timers.tick(1000);
  warnings.warn('a', {});
  warnings.warn('a', {});
  warnings.flush();
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['a', 'a', '… and 1 more: a'],
  );
  t.mock.timers.tick(1000);
  assert.equal(lines.length, 3);
});

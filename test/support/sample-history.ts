// A made-up history of one metric or more, for tests of its change points and its page.

import { mulberry32 } from '../../bench/compare/interval.js';
import { HISTORY_SCHEMA, type HistoryEntry } from '../../bench/history/entry.js';

/** One entry a commit: CPU at `levels` against the anchor, and p99 that never changes; `noise` is a spread of
 *  either. */
export function sampleHistory(levels: readonly number[], noise = 0.01, seed = 1): HistoryEntry[] {
  const random = mulberry32(seed);
  const near = (level: number): number => level * (1 + noise * 2 * (random() + random() - 1));
  return levels.map((level, i) => {
    const commit = Array.from({ length: 10 }, () => Math.floor(random() * 2 ** 32).toString(16))
      .join('')
      .padStart(40, '0')
      .slice(0, 40);
    const day = new Date(Date.UTC(2026, 9, 1 + i, 6)).toISOString();
    const point = (metric: 'cpu' | 'p99' | 'rss', label: string, ratio: number) => ({
      scenario: 'fan-out',
      metric,
      label,
      moreIsBetter: false,
      isGate: metric !== 'rss',
      ratio,
      low: ratio * (1 - 2 * noise),
      high: ratio * (1 + 2 * noise),
      pairs: 20,
    });
    return {
      schema: HISTORY_SCHEMA,
      id: `${seed}-${i}`,
      at: day,
      commit,
      anchor: '0a1b2c3d4',
      host: { cpu: `CPU ${i % 2}`, cores: 4, node: 'v20.20.2', kernel: '6.8.0' },
      points: [
        point('cpu', 'server CPU per million deliveries', near(level)),
        point('p99', 'latency p99', near(1)),
        point('rss', 'RSS per connection', near(1)),
      ],
    };
  });
}

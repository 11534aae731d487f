// Which figures the page draws, and from what.
import { formatBytes, formatCores, formatCount, formatMs, formatRate } from '../../../base/page/format.js';
import type { Sample, WorkerFlow } from '../sample.js';
import type { LiveFigure } from './live-chart.js';

function formatByteRate(perSecond: number): string {
  return `${formatBytes(Math.round(perSecond))}/s`;
}

/** A rate in whole numbers or three digits: 0.998/s of a poll that was not quite a second is 1/s. */
export function perSecond(value: number | null): string {
  return formatRate(value === null || value >= 100 ? value : Math.round(value * 10) / 10);
}

export const FIGURES: readonly LiveFigure<Sample>[] = [
  {
    title: 'Connections',
    format: formatCount,
    lines: [{ label: 'open', color: 0, read: ({ connections }) => connections }],
  },
  {
    title: 'Published',
    format: perSecond,
    lines: [{ label: 'messages', color: 1, read: ({ publishedPerS }) => publishedPerS }],
  },
  {
    title: 'Delivered',
    format: perSecond,
    headline: ({ deliveredPerS, conflatedPerS }) =>
      `${perSecond(deliveredPerS)}${conflatedPerS ? ` · ${perSecond(conflatedPerS)} conflated` : ''}`,
    lines: [
      { label: 'deliveries', color: 2, read: ({ deliveredPerS }) => deliveredPerS },
      { label: 'conflated', color: 7, dashed: true, read: ({ conflatedPerS }) => conflatedPerS },
    ],
  },
  {
    title: 'Flush latency',
    format: formatMs,
    headline: ({ p50Ms, p99Ms }) =>
      p99Ms === null ? '–' : `${formatMs(p50Ms).replace(' ms', '')} · ${formatMs(p99Ms)}`,
    lines: [
      { label: 'p50', color: 0, read: ({ p50Ms }) => p50Ms },
      { label: 'p99', color: 1, read: ({ p99Ms }) => p99Ms },
    ],
  },
  {
    title: 'Bytes out',
    format: formatByteRate,
    lines: [
      { label: 'out', color: 2, read: ({ bytesOutPerS }) => bytesOutPerS },
      { label: 'in', color: 1, read: ({ bytesInPerS }) => bytesInPerS },
    ],
  },
  {
    title: 'Dropped',
    format: perSecond,
    headline: ({ droppedPerS, lagging }) =>
      `${perSecond(droppedPerS)}${lagging > 0 ? ` · ${formatCount(lagging)} lag` : ''}`,
    lines: [
      { label: 'dropped', color: 9, read: ({ droppedPerS }) => droppedPerS },
      { label: 'found slow', color: 4, read: ({ slowPerS }) => slowPerS },
      { label: 'lagging now', color: 6, dashed: true, read: ({ lagging }) => lagging },
    ],
  },
  {
    title: 'Event-loop lag',
    format: formatMs,
    lines: [{ label: 'worst', color: 3, read: ({ loopLagMs }) => loopLagMs }],
  },
  {
    title: 'CPU',
    format: formatCores,
    lines: [{ label: 'cores', color: 5, read: ({ cpuCores }) => cpuCores }],
  },
  {
    title: 'Memory',
    format: formatBytes,
    lines: [
      { label: 'resident', color: 8, read: ({ rssBytes }) => rssBytes },
      { label: 'JS heap', color: 7, dashed: true, read: ({ heapUsedBytes }) => heapUsedBytes },
    ],
  },
];

/** Two charts with a line a worker; `workers` are their numbers. */
export function workerFigures(workers: readonly number[]): readonly LiveFigure<Sample>[] {
  const each = (read: (flow: WorkerFlow) => number | null) =>
    workers.map((worker) => ({
      label: `worker ${worker}`,
      color: worker % 10,
      read: (sample: Sample) => {
        const flow = sample.workers.find((one) => one.worker === worker);
        return flow && read(flow);
      },
    }));
  const most = (read: (flow: WorkerFlow) => number | null, format: (value: number) => string) => (sample: Sample) =>
    `most ${format(Math.max(0, ...sample.workers.map((flow) => read(flow) ?? 0)))}`;
  const delivered = ({ deliveredPerS }: WorkerFlow) => deliveredPerS;
  const connections = (flow: WorkerFlow) => flow.connections;
  return [
    {
      title: 'Delivered by worker',
      format: perSecond,
      headline: most(delivered, perSecond),
      lines: each(delivered),
    },
    {
      title: 'Connections by worker',
      format: formatCount,
      headline: most(connections, formatCount),
      lines: each(connections),
    },
  ];
}

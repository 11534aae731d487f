// What each worker does, where there are several, and how this node stands with others, where it is in a cluster.
import { formatCount, formatMs } from '../../../base/page/format.js';
import type { StatsReport } from '../../stats-report.js';
import type { Sample } from '../sample.js';
import { byId, KeyedRows, setCells, setText } from './element.js';
import { perSecond, workerFigures } from './figures.js';
import { LiveChart } from './live-chart.js';

const rows = new KeyedRows(byId('worker-rows'));
let workerCharts: LiveChart<Sample>[] = [];
let drawn = 0;

export function showWorkers(samples: readonly Sample[], from: number, to: number): void {
  const workers = samples.at(-1)?.workers ?? [];
  byId('workers').hidden = workers.length < 2;
  if (workers.length < 2) return;
  if (drawn !== workers.length) {
    drawn = workers.length;
    workerCharts = workerFigures(workers.map(({ worker }) => worker)).map((figure) => new LiveChart(figure));
    byId('worker-charts').replaceChildren(...workerCharts.map(({ root }) => root));
  }
  for (const chart of workerCharts) chart.show(samples, from, to);
  rows.show(
    workers,
    ({ worker }) => String(worker),
    (row, flow) =>
      setCells(row, 0, [
        String(flow.worker),
        formatCount(flow.connections),
        formatCount(flow.topics),
        perSecond(flow.publishedPerS),
        perSecond(flow.deliveredPerS),
        perSecond(flow.droppedPerS),
        formatCount(flow.lagging),
        formatMs(flow.p99Ms),
        formatMs(flow.loopLagMs),
      ]),
  );
}

export function showCluster({ cluster }: StatsReport, sample: Sample): void {
  byId('cluster').hidden = cluster === null;
  if (cluster === null) return;
  const crossing = `${perSecond(sample.forwardedPerS)} to other nodes, ${perSecond(sample.receivedPerS)} from them`;
  const missed = `${formatCount(cluster.lost)} not handed over, ${formatCount(cluster.unconfirmed)} unconfirmed, ${formatCount(cluster.reconnects)} reconnects`;
  byId('cluster-note').className = cluster.connected ? 'good' : 'failed';
  setText(
    byId('cluster-note'),
    cluster.connected
      ? `Joined to the other nodes. ${crossing}. ${missed}.`
      : `Cut off from the other nodes: messages reach the subscribers of this node only. ${missed}.`,
  );
}

// The live page: asks /stats once a second while somebody looks, and has every part of the page show what it says.
import type { StatsReport } from '../../stats-report.js';
import { type Sample, Sampler } from '../sample.js';
import { ask, forgetToken, hasToken, keepToken, TokenNeeded, takeTokenFromAddress } from './admin-api.js';
import { showConnections } from './connections.js';
import { byId, press } from './element.js';
import { FIGURES } from './figures.js';
import { LiveChart } from './live-chart.js';
import { Playground } from './playground.js';
import { showRefusals } from './refusals.js';
import { showReport, showSignIn, showSlowAnswer, showUnreachable } from './state-line.js';
import { showTopicCount, showTopics } from './topics.js';
import { showCluster, showWorkers } from './workers.js';

const POLL_MS = 1000;
const SLOW_ANSWER_MS = 2500;
const KEPT_S = 15 * 60;
/** A line is broken where nothing was asked for this long. */
const GAP_S = 4;

const sampler = new Sampler();
const charts = FIGURES.map((figure) => new LiveChart(figure));
let samples: Sample[] = [];
let windowS = 60;
let lastAnswerMs = Date.now();
let polling = false;
let signedIn = false;
let nextPoll: number | undefined;
const waiting: ((report: StatsReport) => void)[] = [];

const playground = new Playground(() => new Promise((resolve) => waiting.push(resolve)));

async function poll(): Promise<void> {
  clearTimeout(nextPoll);
  if (polling || document.hidden) return;
  polling = true;
  const startedMs = Date.now();
  const slow = setInterval(() => {
    if (Date.now() - startedMs > SLOW_ANSWER_MS) showSlowAnswer(Date.now() - startedMs);
  }, 500);
  // A caller that comes during a poll waits for the next one: what it asks about may have happened after this poll was
  // answered.
  const served = waiting.splice(0);
  try {
    const report = await ask<StatsReport>('/stats');
    show(report);
    for (const resolve of served.splice(0)) resolve(report);
    lastAnswerMs = Date.now();
  } catch (error) {
    failed(error);
  }
  waiting.unshift(...served);
  clearInterval(slow);
  polling = false;
  if (signedIn || !isAskingForToken())
    nextPoll = window.setTimeout(poll, Math.max(0, startedMs + POLL_MS - Date.now()));
}

function show(report: StatsReport): void {
  setSignedIn(true);
  const sample = sampler.next(report);
  const before = samples.at(-1);
  if (before !== undefined && sample.t - before.t > GAP_S) samples.push(gapAfter(before));
  samples.push(sample);
  samples = samples.filter(({ t }) => t > sample.t - KEPT_S);
  showReport(report);
  showRefusals(report);
  showTopicCount(report);
  showCluster(report, sample);
  playground.show(report);
  draw();
}

/** A sample without values, which ends the lines before it. */
function gapAfter(sample: Sample): Sample {
  const nothing = Object.keys(sample).map((name) => [name, null]);
  return { ...Object.fromEntries(nothing), t: sample.t + 1, workers: [] };
}

function draw(): void {
  const to = samples.at(-1)?.t ?? 0;
  const shown = samples.filter(({ t }) => t >= to - windowS - GAP_S);
  for (const chart of charts) chart.show(shown, to - windowS, to);
  showWorkers(shown, to - windowS, to);
}

function failed(error: unknown): void {
  if (error instanceof TokenNeeded) {
    showSignIn(hasToken());
    forgetToken();
    setSignedIn(false);
    return;
  }
  const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
  const why = timedOut
    ? 'It takes connections but does not answer.'
    : error instanceof TypeError
      ? ''
      : `${(error as Error).message}.`;
  showUnreachable(lastAnswerMs, why);
}

function isAskingForToken(): boolean {
  return !byId('login').hidden;
}

function setSignedIn(isIn: boolean): void {
  if (signedIn === isIn && isIn) return;
  signedIn = isIn;
  byId('signed-in').hidden = !isIn;
  byId('login').hidden = isIn;
  if (!isIn) byId('admin-token').focus();
}

byId('login').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = byId<HTMLInputElement>('admin-token');
  keepToken(input.value.trim());
  input.value = '';
  void poll();
});
byId('window').addEventListener('click', ({ target }) => {
  if (!(target instanceof HTMLButtonElement)) return;
  windowS = Number(target.dataset.minutes) * 60;
  press(byId('window'), target);
  draw();
});
document.addEventListener('visibilitychange', () => void poll());

takeTokenFromAddress();
byId('charts').append(...charts.map(({ root }) => root));
const mayAsk = (): boolean => signedIn;
/** The next poll says the same, and better. */
const ignore = (): void => {};
showTopics(mayAsk, (topic) => playground.offer(topic), ignore);
showConnections(mayAsk, ignore);
void poll();

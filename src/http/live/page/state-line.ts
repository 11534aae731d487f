// The first line of the page: can clients be sent here, and if not, why; or that nobody answers, and since when.
import { formatCount } from '../../../base/page/format.js';
import type { StatsReport } from '../../stats-report.js';
import { certificateNote } from '../certificate-note.js';
import { relayUrl } from '../relay-url.js';
import { byId, setText } from './element.js';
import { timeOfDay } from './live-chart.js';

type Kind = 'good' | 'failed' | 'invalid';

export function showReport(report: StatsReport): void {
  const note = [
    relayUrl(report.relay, location.hostname),
    `up ${duration(report.uptimeS)}`,
    ...sizeOf(report),
    ...[certificateNote(report)].filter((note) => note !== ''),
    `fanwire ${report.version}`,
  ].join(' · ');
  if (report.ready) show('good', 'Ready', note);
  else if (report.notReady.some((reason) => /(^|: )draining$/.test(reason))) {
    show('invalid', 'Draining', `Clients are told to come back elsewhere. ${note}`);
  } else show('failed', `Not ready: ${report.notReady.join('; ')}`, note);
}

export function showUnreachable(sinceMs: number, why: string): void {
  const since = timeOfDay(sinceMs / 1000);
  show(
    'failed',
    `The relay has not answered since ${since}`,
    `${why} Asking again every second; the figures below are old.`,
  );
  document.body.classList.add('stale');
}

export function showSlowAnswer(forMs: number): void {
  byId('state-note').textContent = `No answer for ${Math.round(forMs / 1000)} s; still waiting.`;
}

export function showSignIn(wasWrong: boolean): void {
  show('invalid', 'Sign in', wasWrong ? "That token is not this relay's." : 'This relay asks for its admin token.');
}

function show(kind: Kind, headline: string, note: string): void {
  byId('state').className = `state ${kind}`;
  setText(byId('state').querySelector('h2') as Element, headline);
  setText(byId('state-note'), note);
  document.body.classList.remove('stale');
  document.title = kind === 'good' ? 'fanwire · ready' : `⚠ ${headline} · fanwire`;
}

function sizeOf({ relay, workers }: StatsReport): string[] {
  return [
    ...(workers.length > 1 ? [`${workers.length} workers`] : []),
    ...(relay.maxConnections > 0 ? [`room for ${formatCount(relay.maxConnections)} connections`] : []),
  ];
}

/** 45 → "45 s", 4000 → "1 h 6 min", 200000 → "2 d 7 h". */
export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${Math.floor(seconds)} s`;
  if (hours < 1) return `${minutes} min`;
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// An alert of the history as text: a line for the terminal, and GitHub's annotation.

import { percent } from '../compare/comparison.js';
import { short } from './page.js';
import type { Alert } from './trends.js';

/** "worse after 1a2b3c4, at the latest with 5d6e7f8: fan-out cpu +4.2 % (p 0.003)". */
export function describeAlert({ after, commit, changes, isNew }: Alert): string {
  const kind = changes.some(({ isWorse }) => isWorse) ? 'worse' : 'better';
  const list = changes.map(
    ({ trend, ratio, p }) => `${trend.scenario} ${trend.metric} ${percent(ratio)} (p ${p.toFixed(3)})`,
  );
  return `${isNew ? 'new: ' : ''}${kind} after ${short(after)}, at the latest with ${short(commit)}: ${list.join(', ')}`;
}

export function annotation(alert: Alert): string {
  const command = alert.changes.some(({ isWorse }) => isWorse) ? 'warning' : 'notice';
  const text = describeAlert(alert).replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  return `::${command} title=fanwire history::${text}`;
}

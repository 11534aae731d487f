// A comparison as the comment of a pull request: the verdict and its reasons first, the figures folded.

import { createHash } from 'node:crypto';
import { escapeMarkdown } from '../../report/markdown.js';
import { shownText } from '../../targets/secrets.js';
import type { Comparison } from '../comparison.js';
import { renderMarkdown } from '../report-text.js';

/** GitHub takes no longer comment. */
const MOST_CHARACTERS = 65_536;
const CUT = '\n\n… the rest is in the report of the run.\n';

/** Invisible first line by which the next run finds the comment again. `key` tells the comparisons of one pull request
 *  apart. */
export function markerOf(key: string): string {
  return `<!-- fanwire comparison ${createHash('sha256').update(key).digest('hex').slice(0, 16)} -->`;
}

export interface CommentOptions {
  readonly key: string;
  /** Of the run with the whole report. */
  readonly runUrl: string | undefined;
  /** Whether a fork's job wrote the comparison: then nobody here has seen it measured. */
  readonly isForeign: boolean;
  /** What the run has played beside it and is not commented. */
  readonly further?: string;
}

export function renderComment(
  comparison: Comparison,
  { key, runUrl, isForeign, further = '' }: CommentOptions,
): string {
  const lines = renderMarkdown(comparison).trimEnd().split('\n');
  const first = lines.findIndex((line) => /^(\||####)/.test(line));
  const last = lines.findLastIndex((line) => line.startsWith('|'));
  const top = first < 0 ? lines : lines.slice(0, first);
  const figures = first < 0 ? [] : lines.slice(first, last + 1);
  const foot = first < 0 ? [] : lines.slice(last + 1);
  const from = isForeign ? ' As the job of a fork reported it.' : '';
  const which = key === '' || key === 'default' ? '' : ` Of ${escapeMarkdown(shownText(key))}.`;
  const link = runUrl === undefined ? '' : `[The whole report](${runUrl}).`;
  const folded =
    figures.length === 0 ? [] : ['<details><summary>Figures</summary>', '', ...figures, '', '</details>', ''];
  const said = `${link}${from}${which}${further === '' ? '' : ` ${further}`}`.trim();
  const end = said === '' ? [] : ['', `<sub>${said}</sub>`];
  const whole = [markerOf(key), ...top, ...folded, ...foot, ...end].join('\n');
  if (whole.length <= MOST_CHARACTERS) return `${whole}\n`;
  const short = [markerOf(key), ...top, ...foot].join('\n');
  const tail = CUT + end.join('\n');
  return short.length + tail.length <= MOST_CHARACTERS
    ? short + tail
    : short.slice(0, MOST_CHARACTERS - tail.length) + tail;
}

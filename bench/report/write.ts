// Results of `fanwire bench` as the reports that its flags name.

import type { Result } from '../result/result.js';
import { type NamedFiles, writeAll } from './files.js';

export interface ReportFiles {
  /** Each a file, or `-` for stdout. */
  readonly json?: string | undefined;
  readonly html?: string | undefined;
  readonly md?: string | undefined;
  readonly junit?: string | undefined;
}

/** The files of `flags`, and nothing else that they hold. */
export function reportFiles({ json, html, md, junit }: ReportFiles): NamedFiles {
  return { json, html, md, junit };
}

/** Writes every file that is named, and gives their names. One result is written as itself, several as an array.
 *  @throws FanwireError FANWIRE_REPORT_WRITE */
export function writeReports(results: readonly Result[], files: ReportFiles): Promise<string[]> {
  const json = `${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`;
  const reports = [
    { flag: 'json', render: () => json },
    { flag: 'html', render: async () => (await import('./html.js')).renderHtml(results) },
    { flag: 'md', render: async () => (await import('./markdown.js')).renderMarkdown(results), isAdded: true },
    { flag: 'junit', render: async () => (await import('./junit.js')).renderJunit(results) },
  ];
  return writeAll(reports, reportFiles(files), json);
}

// A comparison's reports, in the files that the flags of `fanwire compare` name; in a GitHub workflow its summary and
// annotations too.

import { resolve } from 'node:path';
import { append, type NamedFiles, type Report, stdoutReport, writeAll } from '../report/files.js';
import type { ReportFiles } from '../report/write.js';
import type { Comparison } from './comparison.js';
import { toBencher, toBenchmarkAction, toCsv } from './exports.js';
import { renderAnnotations, renderJunit, renderMarkdown, renderTerminal } from './report-text.js';

/** Further files for dashboards, each named by its flag. */
export interface ComparisonFiles extends ReportFiles {
  readonly bencher?: string | undefined;
  readonly benchmarkAction?: string | undefined;
  readonly csv?: string | undefined;
}

/** The files of `flags`, and nothing else that they hold. */
export function comparisonFiles(flags: ComparisonFiles): NamedFiles {
  const { json, html, md, junit, bencher, benchmarkAction, csv } = flags;
  return { json, html, md, junit, bencher, 'benchmark-action': benchmarkAction, csv };
}

/** Prints the verdict, writes every report that is named and gives the files' names. What becomes of the files changes
 *  nothing of what has been printed.
 *  @throws FanwireError FANWIRE_REPORT_WRITE */
export async function writeComparison(
  comparison: Comparison,
  files: NamedFiles,
  isQuiet: boolean,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string[]> {
  // A report on stdout has that for itself.
  const out = stdoutReport(files) === undefined ? process.stdout : process.stderr;
  if (!isQuiet) out.write(renderTerminal(comparison));
  const summary = env.GITHUB_ACTIONS === 'true' ? env.GITHUB_STEP_SUMMARY : undefined;
  if (env.GITHUB_ACTIONS === 'true') for (const line of renderAnnotations(comparison)) out.write(`${line}\n`);
  const json = `${JSON.stringify(comparison, null, 2)}\n`;
  const reports: Report[] = [
    { flag: 'json', render: () => json },
    { flag: 'html', render: async () => (await import('./report-html.js')).renderComparisonHtml(comparison) },
    { flag: 'md', render: () => renderMarkdown(comparison), isAdded: true },
    { flag: 'junit', render: () => renderJunit(comparison) },
    { flag: 'bencher', render: () => toBencher(comparison) },
    { flag: 'benchmark-action', render: () => toBenchmarkAction(comparison) },
    { flag: 'csv', render: () => toCsv(comparison) },
  ];
  const written = await writeAll(reports, files, json);
  const isWritten = summary !== undefined && written.some((file) => resolve(file) === resolve(summary));
  if (summary !== undefined && summary !== '' && !isWritten) append(summary, renderMarkdown(comparison));
  return written;
}

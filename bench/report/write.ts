// Writes results and the reports made from them to the files that a command's flags name.

import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { FanwireError } from '../../src/protocol/codes.js';
import type { Result } from '../result/result.js';
import { makeFolder } from '../run/make-folder.js';

export interface ReportFiles {
  readonly json?: string;
  readonly html?: string;
  readonly md?: string;
  readonly junit?: string;
}

/** Writes every file that is named. One result is written as itself, several as an array.
 *  @throws FanwireError FANWIRE_REPORT_WRITE */
export async function writeReports(results: readonly Result[], files: ReportFiles): Promise<void> {
  if (files.json !== undefined) {
    write(files.json, `${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`);
  }
  if (files.html !== undefined) {
    const { renderHtml } = await import('./html.js');
    write(files.html, renderHtml(results));
  }
  if (files.md !== undefined) {
    const { renderMarkdown } = await import('./markdown.js');
    write(files.md, renderMarkdown(results));
  }
  if (files.junit !== undefined) {
    const { renderJunit } = await import('./junit.js');
    write(files.junit, renderJunit(results));
  }
}

/** Writes one file, its folder made where it is missing.
 *  @throws FanwireError FANWIRE_REPORT_WRITE */
export function write(file: string, text: string): void {
  try {
    makeFolder(dirname(file));
    writeFileSync(file, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FanwireError('FANWIRE_REPORT_WRITE', `cannot write the report ${file}: ${reason}`);
  }
}

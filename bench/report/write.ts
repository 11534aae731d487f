// Writes results and the reports made from them to the files that a command's flags name. What cannot be written is
// refused before anything is measured; what fails after all never takes the result with it.

import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FanwireError } from '../../src/base/error.js';
import type { Result } from '../result/result.js';
import { makeFolder } from '../run/make-folder.js';

export interface ReportFiles {
  /** Each a file, or `-` for stdout. */
  readonly json?: string;
  readonly html?: string;
  readonly md?: string;
  readonly junit?: string;
}

const KINDS = ['json', 'html', 'md', 'junit'] as const;
const STDOUT = '-';

/** Which report goes to stdout, if one does. */
export function stdoutReport(files: ReportFiles): (typeof KINDS)[number] | undefined {
  return KINDS.find((kind) => files[kind] === STDOUT);
}

/** Makes the folders of the reports, and refuses what cannot be a report's file.
 *  @throws FanwireError FANWIRE_USAGE_REPORT */
export function requireWritable(files: ReportFiles): void {
  const refuse = (kind: string, why: string) =>
    new FanwireError('FANWIRE_USAGE_REPORT', `--${kind} ${files[kind as 'json']} ${why}`);
  const toStdout = KINDS.filter((kind) => files[kind] === STDOUT);
  if (toStdout.length > 1) throw refuse(toStdout[1] as string, `and --${toStdout[0]} cannot both be stdout`);
  for (const kind of KINDS) {
    const file = files[kind];
    if (file === undefined || file === STDOUT) continue;
    if (file === '') throw refuse(kind, 'names no file');
    try {
      makeFolder(dirname(file));
      if (!statSync(dirname(file)).isDirectory())
        throw refuse(kind, `cannot be written: ${dirname(file)} is no folder`);
      if (existsSync(file)) {
        if (statSync(file).isDirectory()) throw refuse(kind, 'is a folder: name a file in it');
        accessSync(file, constants.W_OK);
      } else accessSync(dirname(file), constants.W_OK);
    } catch (error) {
      if (error instanceof FanwireError) throw error;
      throw refuse(kind, `cannot be written: ${reasonOf(error)}`);
    }
  }
}

/** Writes every file that is named, and gives their names. One result is written as itself, several as an array.
 *  Markdown is added to what a file holds, because a CI summary belongs to every step of its job.
 *  @throws FanwireError FANWIRE_REPORT_WRITE once all were tried; it says where the result is kept instead */
export async function writeReports(results: readonly Result[], files: ReportFiles): Promise<string[]> {
  const json = `${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`;
  const render = {
    json: async () => json,
    html: async () => (await import('./html.js')).renderHtml(results),
    md: async () => (await import('./markdown.js')).renderMarkdown(results),
    junit: async () => (await import('./junit.js')).renderJunit(results),
  };
  const written: string[] = [];
  const failures: string[] = [];
  for (const kind of KINDS) {
    const file = files[kind];
    if (file === undefined) continue;
    try {
      const text = await render[kind]();
      if (kind === 'md' && file !== STDOUT) append(file, text);
      else write(file, text);
      if (file !== STDOUT) written.push(file);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (failures.length === 0) return written;
  const isKept = files.json === STDOUT || (files.json !== undefined && written.includes(files.json));
  const kept = isKept ? '' : `; ${keep(json)}`;
  throw new FanwireError('FANWIRE_REPORT_WRITE', `${failures.join('; ')}${kept}`);
}

/** Writes one file, its folder made where it is missing. A file is replaced whole or not at all.
 *  @throws FanwireError FANWIRE_REPORT_WRITE */
export function write(file: string, text: string): void {
  if (file === STDOUT) {
    process.stdout.write(text);
    return;
  }
  attempt(file, () => {
    makeFolder(dirname(file));
    // A device or a pipe cannot be replaced.
    if (existsSync(file) && !statSync(file).isFile()) {
      writeFileSync(file, text);
      return;
    }
    const unfinished = `${file}.${process.pid}.part`;
    try {
      writeFileSync(unfinished, text);
      renameSync(unfinished, file);
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
  });
}

function append(file: string, text: string): void {
  attempt(file, () => {
    makeFolder(dirname(file));
    const isBegun = existsSync(file) && statSync(file).size > 0;
    appendFileSync(file, isBegun ? `\n${text}` : text);
  });
}

function attempt(file: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    throw new FanwireError('FANWIRE_REPORT_WRITE', `cannot write the report ${file}: ${reasonOf(error)}`);
  }
}

/** Keeps a result whose file could not be written, and says where. */
function keep(json: string): string {
  const file = join(tmpdir(), `fanwire-result-${process.pid}.json`);
  try {
    writeFileSync(file, json);
    return `the result is in ${file}`;
  } catch {
    process.stdout.write(json);
    return 'the result is on stdout';
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return 'the disk is full (ENOSPC)';
  return code === 'EACCES' ? 'no permission (EACCES)' : (message ?? String(error));
}

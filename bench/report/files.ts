// The files that a command's flags name for its reports. A file that cannot be written is refused before anything is
// measured. A report that fails later costs one line, never the result.

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
import { dirname, join, resolve } from 'node:path';
import { FanwireError } from '../../src/base/error.js';
import { makeFolder } from '../system/make-folder.js';

/** Where each report goes, by its flag without dashes: a file, `-` for stdout, or nowhere. */
export type NamedFiles = Readonly<Record<string, string | undefined>>;

export interface Report {
  /** Without dashes. */
  readonly flag: string;
  render(): string | Promise<string>;
  /** Added to what the file holds, because a CI summary belongs to every step of its job; else it replaces that. */
  readonly isAdded?: boolean;
}

const STDOUT = '-';

/** The flag whose report goes to stdout, if one does. */
export function stdoutReport(files: NamedFiles): string | undefined {
  return Object.keys(files).find((flag) => files[flag] === STDOUT);
}

/** Makes the folders of the reports, and refuses what cannot be a report's file.
 *  @throws FanwireError FANWIRE_USAGE_REPORT */
export function requireWritable(files: NamedFiles): void {
  const taken = new Map<string, string>();
  for (const [flag, file] of Object.entries(files)) {
    if (file === undefined) continue;
    const path = file === STDOUT ? STDOUT : resolve(file);
    const other = taken.get(path);
    taken.set(path, flag);
    // Several reports may go to one device.
    if (other !== undefined && !isDevice(path)) {
      throw refusal(flag, file, `and --${other} cannot both be ${file === STDOUT ? 'stdout' : 'that file'}`);
    }
    if (file !== STDOUT) requireFile(flag, file);
  }
}

function requireFile(flag: string, file: string): void {
  if (file === '') throw refusal(flag, file, 'names no file');
  try {
    makeFolder(dirname(file));
    if (!statSync(dirname(file)).isDirectory()) {
      throw refusal(flag, file, `cannot be written: ${dirname(file)} is no folder`);
    }
    if (existsSync(file)) {
      if (statSync(file).isDirectory()) throw refusal(flag, file, 'is a folder: name a file in it');
      accessSync(file, constants.W_OK);
    } else accessSync(dirname(file), constants.W_OK);
  } catch (error) {
    if (error instanceof FanwireError) throw error;
    throw refusal(flag, file, `cannot be written: ${reasonOf(error)}`);
  }
}

function isDevice(path: string): boolean {
  return path !== STDOUT && existsSync(path) && !statSync(path).isFile();
}

function refusal(flag: string, file: string, why: string): FanwireError {
  return new FanwireError('FANWIRE_USAGE_REPORT', `--${flag} ${file} ${why}`);
}

/** Writes every report whose flag names a file, and gives the files' names. `kept` is the JSON that must not be lost:
 *  where no report holds it in the end, it is kept elsewhere.
 *  @throws FanwireError FANWIRE_REPORT_WRITE once all were tried; it says where `kept` is instead */
export async function writeAll(reports: readonly Report[], files: NamedFiles, kept: string): Promise<string[]> {
  const written: string[] = [];
  const failures: string[] = [];
  for (const { flag, render, isAdded = false } of reports) {
    const file = files[flag];
    if (file === undefined) continue;
    try {
      const text = await render();
      if (isAdded && file !== STDOUT) append(file, text);
      else write(file, text);
      if (file !== STDOUT) written.push(file);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (failures.length === 0) return written;
  const { json } = files;
  const isKept = json === STDOUT || (json !== undefined && written.includes(json));
  throw new FanwireError('FANWIRE_REPORT_WRITE', `${failures.join('; ')}${isKept ? '' : `; ${keep(kept)}`}`);
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

/** Adds to what a file holds, an empty line between.
 *  @throws FanwireError FANWIRE_REPORT_WRITE */
export function append(file: string, text: string): void {
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

// Finds an installed program: on PATH, or in a folder that an ordinary user's PATH does not include.

import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian installs servers (nats-server, nginx, haproxy) into sbin, which is only on root's PATH. */
const FURTHER_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/sbin'];

/** The path of `program`; undefined if it is not installed. */
export function findProgram(program: string, path = process.env.PATH ?? ''): string | undefined {
  const folders = [...path.split(delimiter).filter((folder) => folder !== ''), ...FURTHER_FOLDERS];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

/** Whether `path` is a file that may be run. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

// Finds an installed program: on PATH, or in a folder that an ordinary user's PATH does not include.

import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian installs servers (nats-server, nginx, haproxy) into sbin, which only root's PATH has. */
const FURTHER_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/sbin'];

/** The path of `program`; undefined where it is not installed. */
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

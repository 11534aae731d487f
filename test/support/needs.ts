// Programs that some tests need and a machine may lack: such a test is left out, with the reason and the command that
// installs it.

import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findProgram } from '../../bench/system/find-program.js';

/** How each is installed: on Debian and Ubuntu, and on macOS where Homebrew has it. */
const INSTALLED_BY = {
  chromium: ['apt-get install chromium', 'brew install --cask chromium'],
  debootstrap: ['apt-get install debootstrap'],
  git: ['apt-get install git', 'brew install git'],
  haproxy: ['apt-get install haproxy', 'brew install haproxy'],
  'nats-server': ['apt-get install nats-server', 'brew install nats-server'],
  nginx: ['apt-get install nginx', 'brew install nginx'],
  openssl: ['apt-get install openssl', 'brew install openssl'],
  promtool: ['apt-get install prometheus', 'brew install prometheus'],
  ps: ['apt-get install procps'],
  python3: ['apt-get install python3', 'brew install python'],
  'systemd-analyze': ['apt-get install systemd'],
  taskset: ['apt-get install util-linux'],
} as const satisfies Record<string, readonly [debian: string, mac?: string]>;

export type Program = keyof typeof INSTALLED_BY;

/** Options of a test: left out where one of `programs` is not installed, for a reason that names it and what installs
 *  it. */
export function needs(...programs: Program[]): { skip: string | false } {
  const missing = programs.find((program) => findProgram(program) === undefined);
  return { skip: missing === undefined ? false : lacks(missing) };
}

/** Why a test that failed with `error` is left out: it could not start a program that is not installed; undefined for
 *  any other. */
export function lacking(error: unknown): string | undefined {
  const { code, syscall, path } = (error ?? {}) as NodeJS.ErrnoException;
  if (error instanceof MissingProgram) return error.message;
  const program = basename(path ?? '');
  const isMissing = code === 'ENOENT' && syscall?.startsWith('spawn') && Object.hasOwn(INSTALLED_BY, program);
  return isMissing && findProgram(program) === undefined ? lacks(program as Program) : undefined;
}

class MissingProgram extends Error {}

/** Why a test is left out where `program` is not installed. */
export function lacks(program: Program): string {
  const [debian, mac]: readonly [string, string?] = INSTALLED_BY[program];
  const command = process.platform === 'darwin' ? mac : debian;
  return `${program} is not installed${command === undefined ? ` and ${process.platform} has none` : `: ${command}`}`;
}

/** Options of a test that reads /proc, as only Linux has it. */
export const needsProc: { skip: string | false } = {
  skip: existsSync('/proc/self/stat') ? false : 'there is no /proc: it needs Linux',
};

/** The path of an installed program.
 *  @throws Error where it is not there: the test is left out by `npm test` */
export function pathOf(program: Program): string {
  const path = findProgram(program);
  if (path === undefined) throw new MissingProgram(lacks(program));
  return path;
}

type Options = { readonly skip?: boolean | string; readonly timeout?: number };
type Body = (t: TestContext) => Promise<void> | void;

/** `test` for a file of tests that all need `programs`. */
export function testNeeding(...programs: Program[]) {
  return (name: string, ...rest: [Body] | [Options, Body]): void => {
    const [options, body] = rest.length === 1 ? [{}, rest[0]] : rest;
    test(name, { ...needs(...programs), ...options }, body);
  };
}

// `npm test`: runs the test files, all or those that a word names, and says at the end what was left out and why.
//
// npm test                      everything
// npm test -- raw history       the files whose path holds one of these words
// npm test -- relay/exit        those of a folder
// npm test -- raw --test-name-pattern 'large'   flags of `node --test` go to it

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { leftOutLines, type SkippedTest, unexpectedlyLeftOut } from './left-out.js';

const TESTS = fileURLToPath(new URL('../../', import.meta.url));
const here = (file: string): string => new URL(file, import.meta.url).href;

/** The arguments that are words, and those that are flags with their values. */
function split(given: readonly string[]): { words: string[]; flags: string[] } {
  const words: string[] = [];
  const flags: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const argument = given[i] as string;
    if (!argument.startsWith('-')) words.push(argument);
    else if (argument.includes('=') || !/^--test-(name|skip)-pattern$/.test(argument)) flags.push(argument);
    else flags.push(argument, given[++i] ?? '');
  }
  return { words, flags };
}

/** The built test files whose path, from test/ on, holds one of `words`; a path of the source names it too. */
function filesNamed(words: readonly string[]): string[] {
  const all = readdirSync(TESTS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test.js'));
  const wanted = words.map((word) => word.replace(/^(\.\/)?(dist\/)?test\//, '').replace(/\.test\.[jt]s$/, ''));
  const chosen = wanted.length === 0 ? all : all.filter((name) => wanted.some((word) => name.includes(word)));
  return chosen.sort().map((name) => join(TESTS, name));
}

function exitCodeOf(code: number | null, skipped: readonly SkippedTest[]): number {
  if (code !== 0) return code ?? 1;
  if (process.env.CI !== 'true') return 0;
  const unexpected = unexpectedlyLeftOut(skipped, process.env.TEST_MAY_LACK);
  if (unexpected.length === 0) return 0;
  console.error('\nCI=true, and tests were left out for want of something that should be here:');
  for (const { name, reason } of unexpected) console.error(`  ${name}: ${reason}`);
  return 1;
}

async function main(): Promise<number> {
  const { words, flags } = split(process.argv.slice(2));
  const files = filesNamed(words);
  if (files.length === 0) {
    console.error(`npm test: no test file's path holds ${words.map((word) => JSON.stringify(word)).join(' or ')}`);
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-test-'));
  const list = join(folder, 'skipped');
  const reporters = [
    ...['--test-reporter', 'spec', '--test-reporter-destination', 'stdout'],
    ...['--test-reporter', here('./skip-reporter.js'), '--test-reporter-destination', list],
  ];
  const args = ['--test', '--import', here('./limits.js'), ...reporters, ...flags, ...files];
  try {
    const child = spawn(process.execPath, args, { stdio: 'inherit' });
    const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
    const skipped = readSkipped(list);
    for (const line of leftOutLines(skipped)) console.log(line);
    return exitCodeOf(code, skipped);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readSkipped(list: string): SkippedTest[] {
  const lines = readFileSync(list, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as SkippedTest);
}

// A Ctrl+C reaches the tests by itself; this process stays to say what was left out.
process.on('SIGINT', () => {});
process.exitCode = await main();

// `npm test`: runs the test files, all or those that a word names, and says at the end what failed, what passed only
// when it was played again, and what was left out and why.
//
// npm test                      everything
// npm test -- raw history       the files whose path holds one of these words
// npm test -- relay/exit        those of a folder
// npm test -- raw --test-name-pattern 'large'   flags of Node's test runner go to it
// npm test -- --once            a file that fails is not played again
// npm test -- --times           how long each file took, the longest first
// npm test -- --at-once 2       files played side by side (three a core unless given)

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MOST_AGAIN, passedAgainLines } from './again.js';
import { leftOutLines, type SkippedTest, unexpectedlyLeftOut } from './left-out.js';
import { filesAtOnce, inOrder } from './order.js';
import { play, playAgain } from './play.js';
import { countLines, failureLines, timeLines } from './summary.js';
import { nameOf, type PlayedFile, TESTS } from './test-file.js';

interface Given {
  readonly words: readonly string[];
  readonly flags: readonly string[];
  readonly isOnce: boolean;
  readonly hasTimes: boolean;
  readonly atOnce: number;
}

/** The arguments that are words, our flags, and Node's flags with their values. */
function read(given: readonly string[]): Given {
  const words: string[] = [];
  const flags: string[] = [];
  let atOnce = filesAtOnce();
  for (let i = 0; i < given.length; i++) {
    const argument = given[i] as string;
    if (!argument.startsWith('-')) words.push(argument);
    else if (argument === '--at-once') atOnce = Math.max(1, Number(given[++i]) || 1);
    else if (argument === '--once' || argument === '--times') continue;
    else if (argument.includes('=') || !/^--test-(name|skip)-pattern$/.test(argument)) flags.push(argument);
    else flags.push(argument, given[++i] ?? '');
  }
  return { words, flags, atOnce, isOnce: given.includes('--once'), hasTimes: given.includes('--times') };
}

/** The built test files whose path, from test/ on, holds one of `words`; a path of the source names it too. */
function namesWith(words: readonly string[]): string[] {
  const built = readdirSync(TESTS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.test.js'));
  const wanted = words.map((word) => word.replace(/^(\.\/)?(dist\/)?test\//, '').replace(/\.test\.[jt]s$/, ''));
  const chosen = wanted.length === 0 ? built : built.filter((name) => wanted.some((word) => name.includes(word)));
  return chosen.sort().map((name) => nameOf(join(TESTS, name)));
}

const stopped = new AbortController();

async function main(): Promise<number> {
  const began = performance.now();
  const { words, flags, isOnce, hasTimes, atOnce } = read(process.argv.slice(2));
  const names = namesWith(words);
  if (names.length === 0) {
    console.error(`npm test: no test file's path holds ${words.map((word) => JSON.stringify(word)).join(' or ')}`);
    return 2;
  }
  const { sideBySide, alone } = inOrder(names);
  const how = { flags, say: (text: string) => process.stdout.write(text), signal: stopped.signal };
  const played = await play(sideBySide.map(fileOf), atOnce, how);
  played.push(...(await play(alone.map(fileOf), 1, how)));
  const failed = played.filter(({ isGreen }) => !isGreen);
  const passedAgain = isOnce || failed.length > MOST_AGAIN ? [] : await playAgain(failed, how);
  const red = failed.filter((one) => !passedAgain.includes(one));
  const skipped = played.flatMap(skippedOf);
  const lines = [
    ...(hasTimes ? timeLines(played) : []),
    ...failureLines(red),
    ...countLines(played, passedAgain, performance.now() - began),
    ...passedAgainLines(passedAgain),
    ...leftOutLines(skipped),
  ];
  for (const line of lines) console.log(line);
  if (stopped.signal.aborted) return 130;
  return red.length > 0 ? 1 : exitCodeOfLeftOut(skipped);
}

function skippedOf({ file, tests }: PlayedFile): SkippedTest[] {
  return tests.flatMap(({ name, how, why }) => (how === 'skipped' ? { name, file, reason: why } : []));
}

function exitCodeOfLeftOut(skipped: readonly SkippedTest[]): number {
  if (process.env.CI !== 'true') return 0;
  const unexpected = unexpectedlyLeftOut(skipped, process.env.TEST_MAY_LACK);
  if (unexpected.length === 0) return 0;
  console.error('\nCI=true, and tests were left out for want of something that should be here:');
  for (const { name, reason } of unexpected) console.error(`  ${name}: ${reason}`);
  return 1;
}

function fileOf(name: string): string {
  return join(TESTS, name.replace(/\.ts$/, '.js'));
}

// The files that run are ended with what they started, no other begins, and what was seen until then is said.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopped.abort());
process.exitCode = await main();

// Files that failed are played once more, alone, after all the others: what fails twice has failed.
//
// A test of real sockets and processes can fail since the machine was busy, and then says nothing of the code. A
// counterexample of a property test says much: it is tried again from its own seed, so that it is met again.

import type { PlayedFile } from './test-file.js';
import { nameOf } from './test-file.js';

/** With more files that failed than this, it is not the machine: none is played again. */
export const MOST_AGAIN = 12;
/** Different counterexamples of one file that are tried again. */
const MOST_SEEDS = 4;
/** As fast-check says it, and as tests that draw by test/support/random.ts do. */
const SEED = /(?:\{ seed: |\bseed )(-?\d+)\b/g;

/** For each time that the file is played again, what is added to the environment: its seeds, one at a time. */
export function variablesAgain({ tests, output }: PlayedFile): Record<string, string>[] {
  const texts = [...tests.filter(({ how }) => how === 'failed').map(({ why }) => why), output];
  const seeds = new Set(texts.flatMap((text) => [...text.matchAll(SEED)].map(([, seed = '']) => seed)));
  return seeds.size === 0 ? [{}] : [...seeds].slice(0, MOST_SEEDS).map((seed) => ({ FANWIRE_TEST_SEED: seed }));
}

/** What is said of a file that passed only when it was played again; loud, since it is a defect of the test or of what
 *  it tests. */
export function passedAgainLines(files: readonly PlayedFile[]): string[] {
  if (files.length === 0) return [];
  const lines = files.flatMap((file) =>
    file.tests
      .filter(({ how }) => how === 'failed')
      .map(({ name, why }) => `  ${nameOf(file.file)}: ${name}: ${firstLines(why)}`),
  );
  const count = `${files.length} ${files.length === 1 ? 'file' : 'files'}`;
  return ['', `PASSED ONLY WHEN PLAYED AGAIN: ${count} (each is a defect: of the test, or of what it tests)`, ...lines];
}

function firstLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(0, 3).join(' ').slice(0, 300);
}

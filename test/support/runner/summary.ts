// The last lines of `npm test` about what was played.

import { nameOf, type PlayedFile } from './test-file.js';

/** In the words of node:test. A file that passed when it was played again counts as it ended. */
export function countLines(played: readonly PlayedFile[], passedAgain: readonly PlayedFile[], ms: number): string[] {
  const counts = { passed: 0, failed: 0, skipped: 0, todo: 0 };
  for (const file of played) {
    for (const { how } of file.tests) counts[how === 'failed' && passedAgain.includes(file) ? 'passed' : how]++;
  }
  const { passed, failed, skipped, todo } = counts;
  return [
    '',
    `ℹ files ${played.length}`,
    `ℹ tests ${passed + failed + skipped + todo}`,
    `ℹ pass ${passed}`,
    `ℹ fail ${failed}`,
    `ℹ skipped ${skipped}`,
    `ℹ todo ${todo}`,
    `ℹ passed only when played again ${passedAgain.length}`,
    `ℹ duration ${Math.floor(ms / 60_000)} min ${((ms / 1000) % 60).toFixed(0)} s`,
  ];
}

/** The failures of every file that failed, as node:test tells them. */
export function failureLines(red: readonly PlayedFile[]): string[] {
  if (red.length === 0) return [];
  const parts = red.map(({ file, failures }) => `\n${nameOf(file)}\n${failures.trimEnd()}`);
  return ['', '✖ failing tests:', ...parts];
}

export function timeLines(played: readonly PlayedFile[]): string[] {
  const rows = [...played].sort((a, b) => b.ms - a.ms);
  return ['', ...rows.map(({ file, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${nameOf(file)}`)];
}

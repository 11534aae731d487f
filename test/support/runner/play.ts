// Plays test files, several at once or one by one, and those that failed once more.

import { variablesAgain } from './again.js';
import { nameOf, type PlayedFile, playFile } from './test-file.js';

export interface How {
  /** Flags for Node. */
  readonly flags: readonly string[];
  /** What is printed while it runs. */
  readonly say: (text: string) => void;
  /** Ends those that run; no other begins. */
  readonly signal: AbortSignal;
}

/** @param atOnce how many run side by side */
export async function play(files: readonly string[], atOnce: number, how: How): Promise<PlayedFile[]> {
  const waiting = [...files];
  const played: PlayedFile[] = [];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined && !how.signal.aborted; file = waiting.shift()) {
      const one = await playFile(file, how.flags, {}, how.signal);
      how.say(`\n${one.isGreen ? '' : 'FAILED '}${nameOf(file)} (${seconds(one.ms)})\n${one.output}`);
      played.push(one);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return played;
}

/** Plays `failed` once more, one by one; those that pass now. */
export async function playAgain(failed: readonly PlayedFile[], how: How): Promise<PlayedFile[]> {
  const passed: PlayedFile[] = [];
  for (const one of failed) if (await passesNow(one, how)) passed.push(one);
  return passed;
}

async function passesNow(first: PlayedFile, how: How): Promise<boolean> {
  for (const variables of variablesAgain(first)) {
    if (how.signal.aborted) return false;
    const again = await playFile(first.file, how.flags, variables, how.signal);
    const seed = Object.entries(variables).map(([name, value]) => ` with ${name}=${value}`);
    const verdict = again.isGreen ? 'passed when played again:' : 'FAILED AGAIN';
    how.say(`\n${verdict} ${nameOf(first.file)}${seed} (${seconds(again.ms)})\n${again.output}`);
    if (!again.isGreen) return false;
  }
  return true;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

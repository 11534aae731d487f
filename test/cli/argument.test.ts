// Flags for another command, given as one argument.
import assert from 'node:assert/strict';
import test from 'node:test';
import { flagsOf } from '../../src/cli/argument.js';

test('flags of one argument are quoted as in a shell', () => {
  for (const [text, flags] of [
    ['', []],
    ['  --workers 2 ', ['--workers', '2']],
    [`--deliver 'a/*=50ms;b c=1s' --x`, ['--deliver', 'a/*=50ms;b c=1s', '--x']],
    [`--deliver="*=50ms,latest-by-key: "`, ['--deliver=*=50ms,latest-by-key: ']],
    [String.raw`a\ b "c\"d" '' e\\f`, ['a b', 'c"d', '', 'e\\f']],
    [`it's`, [`it's`]],
  ] as const) {
    assert.deepEqual(flagsOf(text), flags, text);
  }
});

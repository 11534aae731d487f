// One name, one thing: a class or type that other files import is the only one of its name.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { filesOf, ROOT } from '../support/sources.js';

/** A declaration at the start of a line. A constant counts where it is written like a type. */
const DECLARED =
  /^(?<exported>export )?(?:declare )?(?:abstract )?(?:class|interface|type|enum|const(?= [A-Z]\w*[a-z])) (?<name>\w+)/gm;

/** The same thing twice, and why. */
const SAME: Readonly<Record<string, string>> = {
  FanwireError: 'scripts/build-client.ts has a smaller one for the client bundle: what a program sees is the same',
  TimeUnit: 'bench/k6/lib/amounts.ts is the copy that k6 runs, made by scripts/k6-copies.ts',
};

test('a name that is exported is declared in one file', () => {
  const places = new Map<string, { files: Set<string>; isExported: boolean }>();
  for (const file of filesOf(['src', 'bench', 'scripts'])) {
    for (const { groups } of readFileSync(new URL(file, ROOT), 'utf8').matchAll(DECLARED)) {
      const { name = '', exported } = groups ?? {};
      const place = places.get(name) ?? { files: new Set(), isExported: false };
      place.files.add(file);
      place.isExported ||= exported !== undefined;
      places.set(name, place);
    }
  }
  const twice = [...places].filter(([, { files, isExported }]) => isExported && files.size > 1);
  assert.deepEqual(
    twice.filter(([name]) => SAME[name] === undefined).map(([name, { files }]) => `${name}: ${[...files].join(', ')}`),
    [],
  );
  // An exception that is needed no more goes.
  assert.deepEqual(
    Object.keys(SAME).sort(),
    twice
      .map(([name]) => name)
      .filter((name) => name in SAME)
      .sort(),
  );
});

// The Dockerfile, read by the parser that plays it (`npm run image`).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseDockerfile, variablesOf, wordsOf } from '../../scripts/dockerfile.js';

const TEXT = readFileSync(new URL('../../../docs/ops/Dockerfile', import.meta.url), 'utf8');

test('the image packs before the compiler is pruned, runs as nobody in particular, and process 1 hears signals', () => {
  const [build, image] = parseDockerfile(TEXT);
  const steps = build?.instructions.find(({ name }) => name === 'RUN')?.rest ?? '';
  assert.ok(steps.indexOf('npm pack') < steps.indexOf('npm prune'), 'npm 10 runs `prepare` when it packs');
  const only = (name: string) => image?.instructions.find((one) => one.name === name) ?? assert.fail(`no ${name}`);
  assert.equal(only('USER').rest, '1000:1000');
  assert.deepEqual(wordsOf(only('ENTRYPOINT')), ['tini-static', '-e', '143', '--', 'node', '/app/dist/src/cli.js']);
  assert.deepEqual(wordsOf(only('CMD')), ['serve']);
  assert.deepEqual(variablesOf(only('ENV').rest)[0], ['NODE_ENV', 'production']);
});

test('continued lines are one instruction, comments between them are none, and what is not understood is refused', () => {
  const [stage] = parseDockerfile('# a\nFROM node:22-trixie-slim AS x\nRUN a \\\n # between\n && b\nENV A=1 B="c d"\n');
  assert.equal(stage?.name, 'x');
  assert.deepEqual(
    stage?.instructions.map(({ name, rest, line }) => [name, rest, line]),
    [
      ['RUN', 'a && b', 3],
      ['ENV', 'A=1 B="c d"', 6],
    ],
  );
  assert.deepEqual(variablesOf('A=1 B="c d"'), [
    ['A', '1'],
    ['B', 'c d'],
  ]);
  assert.throws(() => parseDockerfile('FROM x\nADD a b'), /^Error: Dockerfile:2: ADD is not understood$/);
  assert.throws(() => parseDockerfile('RUN x'), /Dockerfile:1: RUN is not understood/);
  assert.throws(() => wordsOf({ name: 'CMD', rest: 'npm start', line: 7 }), /Dockerfile:7: CMD must be a JSON array/);
});

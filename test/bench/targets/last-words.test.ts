// Which line of a dead program's output tells why it died.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { lastWords } from '../../../bench/targets/last-words.js';

const nodes = (program: string): string => spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' }).stderr;

test('the reason of a Node program is its error, not the stack, the object or the version behind it', () => {
  assert.match(lastWords(nodes('require("./nowhere.js")')), /^Error: Cannot find module '.\/nowhere.js'$/);
  assert.equal(lastWords(nodes('throw new TypeError("no such port")')), 'TypeError: no such port');
  assert.equal(
    lastWords(nodes('throw Object.assign(new Error("listen EADDRINUSE"), { code: "X", port: 1 })')),
    'Error: listen EADDRINUSE',
  );
  assert.equal(
    lastWords(nodes('console.error("config.json: no such file"); process.exit(1)')),
    'config.json: no such file',
  );
});

test('of others too: a panic before its goroutines, a traceback’s end, a compiler’s error before npm’s summary', () => {
  assert.equal(
    lastWords('panic: listen tcp :80: denied\n\ngoroutine 1 [running]:\nmain.main()\n'),
    'panic: listen tcp :80: denied',
  );
  const python =
    'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n    import y\nModuleNotFoundError: No module named y\n';
  assert.equal(lastWords(python), 'ModuleNotFoundError: No module named y');
  const npm =
    'src/a.ts(1,2): error TS2345: wrong\nnpm error code 2\nnpm error command failed\nnpm error A complete log of this run: /x\n';
  assert.equal(lastWords(npm), 'src/a.ts(1,2): error TS2345: wrong');
  assert.equal(
    lastWords('npm error code EUSAGE\nnpm error\nnpm error The lock file is missing\n'),
    'npm error The lock file is missing',
  );
  const yarn =
    '➤ YN0000: ┌ Resolution step\n➤ YN0028: │ The lockfile would have been modified by this install, which is explicitly forbidden.\n➤ YN0000: · Failed with errors in 0s 91ms\n';
  assert.match(lastWords(yarn), /YN0028: . The lockfile would have been modified/);
  assert.equal(lastWords('listening soon\n'), 'listening soon');
  assert.equal(lastWords('\n'), '');
});

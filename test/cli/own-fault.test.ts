// A fault of the harness itself says nothing of the server: 3, never 1, caught or not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runFanwire } from '../support/fanwire-process.js';

/** What throws where `bench` asks for the machine's cores after a run: at once, or in a turn of its own. */
const FAULTS = ["throw new Error('odd machine')", "setTimeout(() => { throw new Error('odd machine'); }); return []"];

test('a bench that breaks by itself ends with 3 and asks to be reported', async (t) => {
  for (const fault of FAULTS) {
    const source = `import os from 'node:os'; import { syncBuiltinESMExports } from 'node:module';
      os.cpus = () => { ${fault}; }; syncBuiltinESMExports();`;
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(source)}`;
    const args = ['bench', '--quiet', '--subscribers', '2', '--rate', '500', '--duration', '1', '--warmup', '0'];
    const { code, stderr } = await runFanwire(t, args, { env: { NODE_OPTIONS } });
    assert.match(
      stderr,
      /^fanwire: nothing was measured: a fault of its own \(please report it\): Error: odd machine\n/m,
    );
    assert.equal(code, 3);
  }
});

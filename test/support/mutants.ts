// The client with a fault put into it on purpose: for tests that must be able to fail.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const SOURCE = fileURLToPath(new URL('../../../src/client/', import.meta.url));

export interface Mutant {
  /** What is wrong with it. */
  readonly fault: string;
  readonly file: string;
  /** Stands in the file once. */
  readonly text: string;
  readonly becomes: string;
  /** The scenario of `fanwire conform` whose judges see it; undefined where no relay can. */
  readonly scenario?: string;
  /** Whether the property of any schedule sees it. */
  readonly schedule: boolean;
}

export const MUTANTS: readonly Mutant[] = [
  {
    fault: 'hears twice what comes twice',
    file: 'subscription.ts',
    text: 'if ((seq as number) <= ',
    becomes: 'if ((seq as number) < 0 && (seq as number) <= ',
    scenario: 'duplicates-after-a-cut',
    schedule: true,
  },
  {
    fault: 'tells no gap',
    file: 'subscription.ts',
    text: "if (reason) this._emit('gap', { reason });",
    becomes: 'if (reason) {}',
    scenario: 'too-old',
    schedule: true,
  },
  {
    fault: 'stays in the old sequence',
    file: 'subscription.ts',
    text: 'if (!recovered) {',
    becomes: 'if (!recovered && !this.since) {',
    scenario: 'epoch-changes',
    schedule: true,
  },
  {
    fault: 'asks no more for what can be had again',
    file: 'subscription.ts',
    text: 'if (op.recoverable && ',
    becomes: 'if (!op.recoverable && ',
    scenario: 'lost',
    schedule: true,
  },
  {
    fault: 'comes back without its position',
    file: 'client.ts',
    text: "op: 'sub', topic, since,",
    becomes: "op: 'sub', topic, ",
    scenario: 'cut-at-every-frame',
    schedule: true,
  },
  {
    fault: 'asks on after a final refusal',
    file: 'client.ts',
    text: "retryAfterMs === undefined && !code.startsWith('FANWIRE_CLIENT')",
    becomes: 'false',
    scenario: 'subscribe-refused',
    schedule: true,
  },
  {
    fault: 'ends for good where a refusal passes',
    file: 'client.ts',
    text: "retryAfterMs === undefined && !code.startsWith('FANWIRE_CLIENT')",
    becomes: 'true',
    scenario: 'subscribe-refused',
    schedule: true,
  },
  {
    fault: 'waits for nothing before it comes back',
    file: 'times.ts',
    text: 'return Math.max(Math.min(baseMs, capMs) / 10, Math.random() * Math.min(capMs, baseMs * 2 ** attempt));',
    becomes: 'return 0;',
    scenario: 'nobody-there',
    schedule: true,
  },
  {
    fault: 'waits for an opening without end',
    file: 'link.ts',
    text: "alarm(() => drop('no answer'), connectTimeoutMs);",
    becomes: '',
    scenario: 'silent-opening',
    schedule: true,
  },
  {
    fault: 'does not notice that nobody answers',
    file: 'link.ts',
    text: "if (deadlineMs < NEVER) drop('no answer');",
    becomes: 'if (deadlineMs < NEVER) return;',
    scenario: 'half-open',
    schedule: true,
  },
  {
    fault: 'comes earlier than drain says',
    file: 'connection.ts',
    text: ' = now() + reconnectInMs;',
    becomes: ' = 0;',
    scenario: 'drain',
    schedule: true,
  },
  {
    fault: 'renews a token over and over',
    file: 'connection.ts',
    text: 'bounded(0.8 * expiresInMs, FLOOR_MS, MAX_TIMER_MS)',
    becomes: '0.8 * expiresInMs',
    scenario: 'renewal-nonsense',
    schedule: true,
  },
  {
    fault: 'says a publish again under another id',
    file: 'outbox.ts',
    text: 'pid: isPublish ? name + id : undefined,',
    becomes: 'pid: isPublish ? name + Math.random() : undefined,',
    scenario: 'publish-answers-cut-off',
    schedule: true,
  },
  {
    fault: 'gives up publishes that were cut off',
    file: 'outbox.ts',
    text: 'if (entry._isPublish && limits && !end)',
    becomes: 'if (false)',
    scenario: 'publish-answers-cut-off',
    schedule: false,
  },
  {
    fault: 'says what goes out again after what came later',
    file: 'outbox.ts',
    text: '.sort(([a], [b]) => a - b)',
    becomes: '',
    scenario: 'publish-limits',
    schedule: true,
  },
  {
    fault: 'publishes faster than the relay allows',
    file: 'outbox.ts',
    text: 'if (waitMs > 0) {',
    becomes: 'if (waitMs > 1e9) {',
    scenario: 'publish-limits',
    schedule: true,
  },
  {
    fault: 'leaves publishes without an end when it is closed',
    file: 'outbox.ts',
    text: 'if (end) for (const entry of queue.values())',
    becomes: 'if (false) for (const entry of queue.values())',
    scenario: 'close-with-publishes',
    schedule: true,
  },
  {
    fault: 'waits for an answer without end',
    file: 'outbox.ts',
    text: 'settle(entry, unconfirmed());\n      pump();',
    becomes: '',
    schedule: true,
  },
  {
    fault: 'hears itself in a replay',
    file: 'subscription.ts',
    text: 'if (pid && ',
    becomes: 'if (!seq && pid && ',
    scenario: 'own-messages-in-a-replay',
    schedule: true,
  },
  {
    fault: 'takes the refusal of a proxy for the last word',
    file: 'connection.ts',
    text: 'const isRelays = refusal ||',
    becomes: 'const isRelays = code < 600 ||',
    scenario: 'refused-by-a-proxy',
    schedule: true,
  },
  {
    fault: 'waits for a token without end',
    file: 'token.ts',
    text: 'alarm(giveUp, limitMs);',
    becomes: '',
    schedule: true,
  },
  {
    fault: "lets a listener's throw stop what it was in the middle of",
    file: 'emitter.ts',
    text: '        failed(thrown);',
    becomes: '        throw thrown;',
    schedule: true,
  },
  {
    fault: 'tries as often as it is woken',
    file: 'connection.ts',
    text: 'restMs, 0) + WAKE_SPREAD_MS * Math.random()',
    becomes: '0) + Math.random()',
    schedule: true,
  },
];

/** Builds it into one file, which has a FanwireClient; gives its path. */
export async function buildMutant(t: TestContext, { fault, file, text, becomes }: Mutant): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'fanwire-mutant-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const outfile = join(folder, 'client.mjs');
  const mutate = (path: string) => {
    const source = readFileSync(path, 'utf8');
    assert.equal(source.split(text).length, 2, `${file} has "${text}" once: mend the mutant that ${fault}`);
    return { contents: source.replace(text, () => becomes), loader: 'ts' as const };
  };
  await build({
    entryPoints: [join(SOURCE, 'index.ts')],
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    outfile,
    logLevel: 'silent',
    plugins: [
      {
        name: 'mutate',
        setup({ onLoad }) {
          onLoad({ filter: /\.ts$/ }, ({ path }) => (basename(path) === file ? mutate(path) : undefined));
        },
      },
    ],
  });
  return outfile;
}

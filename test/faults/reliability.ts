// The fault suite's figures: each test hands its own in, and with FANWIRE_WRITE_DOCS=1 they become
// docs/reliability.md's table.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const PAGE = fileURLToPath(new URL('../../../docs/reliability.md', import.meta.url));
const BEGIN = '<!-- figures: written by the tests, see below -->';
const END = '<!-- end of figures -->';
const HEAD = ['| fault | tried | survived | lost | what held |', '|---|---:|---:|---:|---|'];

export interface Outcome {
  /** What was done to the relay: the row's name, and its key. */
  readonly fault: string;
  readonly tried: number;
  readonly survived: number;
  /** Messages that someone who reads did not get. */
  readonly lost: number;
  /** The bound that was checked, with what was seen. */
  readonly held: string;
}

/** Reports an outcome on the test's output, and in the page when it is to be written. Tests run one at a time then. */
export function record(t: TestContext, outcome: Outcome): void {
  const { fault, tried, survived, lost, held } = outcome;
  t.diagnostic(`${fault}: tried ${tried}, survived ${survived}, lost ${lost}; ${held}`);
  if (process.env.FANWIRE_WRITE_DOCS !== '1') return;
  const page = readFileSync(PAGE, 'utf8');
  const [before = '', rest = ''] = page.split(BEGIN);
  const [table = '', afterwards = ''] = rest.split(END);
  const row = `| ${fault} | ${tried.toLocaleString('en')} | ${survived.toLocaleString('en')} | ${lost} | ${held} |`;
  const others = table.split('\n').filter((line) => line.startsWith('| ') && line !== HEAD[0]);
  const rows = [...others.filter((line) => !line.startsWith(`| ${fault} |`)), row].sort();
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`;
  const when = `Run on ${new Date().toISOString().slice(0, 10)}: ${machine}, Node ${process.versions.node}.`;
  const text = `${before}${BEGIN}\n\n${[...HEAD, ...rows].join('\n')}\n\n${when}\n\n${END}${afterwards}`;
  writeFileSync(`${PAGE}.new`, text);
  renameSync(`${PAGE}.new`, PAGE);
}

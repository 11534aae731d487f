// The comparisons that a workflow run kept as artifacts. The run may be a fork's: whatever it kept is read as a
// stranger's, within limits, and is believed only where GitHub's own account of run and pull request agrees.
//
// https://securitylab.github.com/resources/github-actions-preventing-pwn-requests

import { promisify } from 'node:util';
import yauzl from 'yauzl';
import { z } from 'zod';
import { FanwireError } from '../../../src/base/error.js';
import type { Comparison } from '../comparison.js';
import { type GitHub, GitHubRefusal } from './github.js';
import { comparisonOfStranger } from './stranger.js';

const NAME = /^load-regression/;
/** Of a run's artifacts, a matrix may keep one a job. */
const MOST_ARTIFACTS = 50;
/** Of all comparisons together. */
const MOST_BYTES = 128 << 20;
/** Of those that are not named as a comparison's. */
const MOST_OTHERS = 10;
const PAGE = 100;
const MOST_PAGES = 10;
const ZIP_BYTES = 32 << 20;
const COMPARISON_BYTES = 16 << 20;
const CONTEXT_BYTES = 4_096;
const MOST_ENTRIES = 100;

const context = z.object({
  pullRequest: z
    .int()
    .min(1)
    .max(2 ** 31),
  key: z.string().max(2_000),
});

export interface KeptComparison {
  readonly pullRequest: number;
  readonly key: string;
  readonly comparison: Comparison;
}

interface WorkflowRun {
  readonly event?: string;
  readonly head_sha?: string;
  readonly head_repository?: { readonly full_name?: string } | null;
}

interface PullRequest {
  readonly state?: string;
  readonly head?: { readonly sha?: string; readonly repo?: { readonly full_name?: string } | null };
}

export interface KeptByRun {
  readonly comparisons: readonly KeptComparison[];
  /** Artifacts that were not looked into, since there are too many. */
  readonly unread: number;
}

/** What run `id` kept, each for a pull request that is the run's own.
 *  @throws FanwireError FANWIRE_COMMENT_ARTIFACT for what cannot be believed, FANWIRE_COMMENT_FAILED */
export async function comparisonsOfRun(github: GitHub, id: number): Promise<KeptByRun> {
  try {
    const run = await github.json<WorkflowRun>('GET', `/actions/runs/${id}`);
    if (run.event !== 'pull_request')
      throw refuse(`run ${id} is of a ${run.event ?? 'nameless'} event, not a pull request's`);
    const comparisons: KeptComparison[] = [];
    const pulls = new Set<number>();
    const artifacts = await artifactsOf(github, id);
    let [read, bytes] = [0, 0];
    for (const artifact of artifacts.slice(0, MOST_ARTIFACTS)) {
      if (bytes > MOST_BYTES) break;
      read += 1;
      const zip = await github.bytes(`/actions/artifacts/${artifact}/zip`, ZIP_BYTES);
      const found = await readArtifact(zip, (length) => (bytes += length));
      if (found === undefined) continue; // It measured nothing.
      if (!pulls.has(found.pullRequest)) await requireOwn(github, id, run, found.pullRequest);
      pulls.add(found.pullRequest);
      comparisons.push(found);
    }
    return { comparisons, unread: artifacts.length - read };
  } catch (error) {
    if (!(error instanceof GitHubRefusal)) throw error;
    const mend =
      error.waitS !== undefined
        ? `; GitHub's limit lasts ${Math.ceil(error.waitS)} s more`
        : error.status === 403
          ? '; give the job permissions: actions: read'
          : '';
    throw new FanwireError(
      'FANWIRE_COMMENT_FAILED',
      `cannot read run ${id}: ${error.message} (HTTP ${error.status})${mend}`,
    );
  }
}

async function artifactsOf(github: GitHub, id: number): Promise<number[]> {
  interface Artifact {
    readonly id: number;
    readonly name: string;
    readonly size_in_bytes: number;
    readonly expired: boolean;
  }
  const all: Artifact[] = [];
  for (let page = 1; page <= MOST_PAGES; page++) {
    const { artifacts } = await github.json<{ artifacts: Artifact[] }>(
      'GET',
      `/actions/runs/${id}/artifacts?per_page=${PAGE}${page === 1 ? '' : `&page=${page}`}`,
    );
    all.push(...artifacts);
    if (artifacts.length < PAGE) break;
  }
  const own = all.filter(({ name, expired }) => NAME.test(name) && !expired);
  if (own.length === 0) {
    // The job may have given its artifact a name of its own.
    const others = all.filter(({ size_in_bytes, expired }) => !expired && size_in_bytes <= ZIP_BYTES);
    return others.slice(0, MOST_OTHERS).map((artifact) => artifact.id);
  }
  const large = own.find(({ size_in_bytes }) => size_in_bytes > ZIP_BYTES);
  if (large !== undefined)
    throw refuse(`an artifact of run ${id} has ${large.size_in_bytes} bytes, more than ${ZIP_BYTES}`);
  return own.map((artifact) => artifact.id);
}

/** A pull request's number stands in the artifact, since a fork's run names none: it must be one of that very commit
 *  and repository. */
async function requireOwn(github: GitHub, id: number, run: WorkflowRun, number: number): Promise<void> {
  const pull = await github.json<PullRequest>('GET', `/pulls/${number}`);
  const isSame = pull.head?.sha === run.head_sha && pull.head?.repo?.full_name === run.head_repository?.full_name;
  if (isSame && run.head_sha !== undefined && pull.state === 'open') return;
  throw refuse(
    `run ${id} is not of the newest commit of pull request #${number}, or that one is closed: not commented`,
  );
}

async function readArtifact(zip: Buffer, count: (bytes: number) => void): Promise<KeptComparison | undefined> {
  const files = await unzip(zip, { 'comparison.json': COMPARISON_BYTES, 'context.json': CONTEXT_BYTES });
  const [comparison, about] = [files['comparison.json'], files['context.json']];
  if (comparison === undefined) return undefined;
  count(comparison.length);
  if (about === undefined) throw refuse('the artifact says of no pull request that it is its own (context.json)');
  const parsed = context.safeParse(parse(about, 'context.json'));
  if (!parsed.success) throw refuse(`context.json: ${parsed.error.issues[0]?.message ?? 'not understood'}`);
  return { ...parsed.data, comparison: comparisonOfStranger(parse(comparison, 'comparison.json'), 'comparison.json') };
}

function parse(bytes: Buffer, name: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw refuse(`${name} is not JSON`);
  }
}

/** The files of `wanted` that `zip` has, none longer than its limit, whatever the archive says of their length. */
async function unzip(zip: Buffer, wanted: Readonly<Record<string, number>>): Promise<Record<string, Buffer>> {
  try {
    const file = await promisify(fromBuffer)(zip);
    return await entriesOf(file, wanted);
  } catch (error) {
    if (error instanceof FanwireError) throw error;
    throw refuse(`the archive cannot be read: ${(error as Error).message}`);
  }
}

function fromBuffer(zip: Buffer, done: (error: Error | null, file: yauzl.ZipFile) => void): void {
  yauzl.fromBuffer(zip, { lazyEntries: true, validateEntrySizes: true }, done);
}

function entriesOf(file: yauzl.ZipFile, wanted: Readonly<Record<string, number>>): Promise<Record<string, Buffer>> {
  const found: Record<string, Buffer> = {};
  let seen = 0;
  return new Promise((resolve, reject) => {
    file.on('error', reject);
    file.on('end', () => resolve(found));
    file.on('entry', (entry: yauzl.Entry) => {
      const most = Object.hasOwn(wanted, entry.fileName) ? wanted[entry.fileName] : undefined;
      if (++seen > MOST_ENTRIES) reject(refuse(`the archive has more than ${MOST_ENTRIES} files`));
      else if (most === undefined) file.readEntry();
      else if (entry.uncompressedSize > most) reject(refuse(`${entry.fileName} has more than ${most} bytes`));
      else {
        readEntry(file, entry).then((bytes) => {
          found[entry.fileName] = bytes;
          file.readEntry();
        }, reject);
      }
    });
    file.readEntry();
  });
}

function readEntry(file: yauzl.ZipFile, entry: yauzl.Entry): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    file.openReadStream(entry, (error, stream) => {
      if (error) return reject(error);
      const chunks: Buffer[] = [];
      // The length that the entry states is held to by the reader, and was within the limit.
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('end', () => resolve(Buffer.concat(chunks)));
    });
  });
}

function refuse(why: string): FanwireError {
  return new FanwireError('FANWIRE_COMMENT_ARTIFACT', why);
}

// The base that a GitHub event means: what it adds is judged, no more and no less.
//
// A pull request is checked out as a merge with the base branch as it stands now: its first parent is what the merge
// adds to. The event's own `base.sha` stays where the branch stood when the event was made; compared with it, others'
// commits are judged too.
// https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows

import { FanwireError } from '../../../src/base/error.js';
import { isDirectory } from '../../../src/base/is-directory.js';
import { readJsonFile } from '../../../src/base/json-file.js';
import { git } from './git.js';
import { commitOf } from './repository.js';

export interface EventBase {
  readonly commit: string;
  /** "the first parent of the merge of pull request #12". */
  readonly why: string;
}

/** Of the payload, what is read. */
interface EventPayload {
  readonly number?: number;
  /** Of a push: `refs/heads/main`, `refs/tags/v1`. */
  readonly ref?: string;
  readonly before?: string;
  /** Whether a push has thrown commits away: `before` may be one of them. */
  readonly forced?: boolean;
  readonly pull_request?: {
    readonly head?: { readonly sha?: string };
    readonly base?: { readonly sha?: string; readonly ref?: string };
  };
  readonly merge_group?: { readonly base_sha?: string };
  readonly repository?: { readonly default_branch?: string };
}

/** The base of the event that `env` describes, for a head (a ref or a folder); undefined outside of a GitHub workflow.
 *  @throws FanwireError FANWIRE_USAGE_COMPARE where the event's base is not in this clone */
export async function baseOfEvent(env: NodeJS.ProcessEnv, head: string): Promise<EventBase | undefined> {
  const path = env.GITHUB_EVENT_PATH;
  if (env.GITHUB_ACTIONS !== 'true' || path === undefined) return undefined;
  const payload = readPayload(path);
  const isFolder = isDirectory(head);
  const clone = new Clone(isFolder ? head : '.', isFolder ? 'HEAD' : head);
  if (payload.pull_request !== undefined && payload.pull_request !== null) {
    if (env.GITHUB_EVENT_NAME === 'pull_request_target') await requireRequested(payload, clone);
    return ofPullRequest(payload, clone);
  }
  const queued = payload.merge_group?.base_sha;
  if (queued !== undefined) return { commit: await clone.have(queued), why: 'what the merge queue adds to' };
  if (env.GITHUB_EVENT_NAME === 'push') return ofPush(payload, clone);
  const event = `event ${env.GITHUB_EVENT_NAME ?? 'unknown'}`;
  const fork = await clone.forkOf(payload.repository?.default_branch);
  return fork === undefined
    ? clone.firstParent(`the commit before (${event})`)
    : { commit: fork.commit, why: `where the head left ${fork.branch} (${event})` };
}

async function ofPullRequest({ number, pull_request: request }: EventPayload, clone: Clone): Promise<EventBase> {
  const [first, second] = await clone.parents();
  const name = `pull request${number === undefined ? '' : ` #${number}`}`;
  if (
    first !== undefined &&
    second !== undefined &&
    (await isMergeOf(request?.head?.sha ?? '', first, second, clone))
  ) {
    return { commit: await clone.have(first), why: `the first parent of the merge of ${name}` };
  }
  // The branch itself is checked out, or named: what it adds begins where it left the base branch.
  const { sha = '', ref = '' } = request?.base ?? {};
  const target = (await clone.has(sha)) ? sha : `refs/remotes/origin/${ref}`;
  return { commit: await clone.mergeBase(target, ref), why: `where ${name} left ${ref}` };
}

/** Whether the head, of these parents, is the merge of a pull request whose newest commit was `sha`; it may have got
 *  further ones since the event. A branch that has merged the base branch has its own commits first. */
async function isMergeOf(sha: string, first: string, second: string, clone: Clone): Promise<boolean> {
  if (second === sha) return true;
  return (await clone.descendsFrom(sha, second)) && !(await clone.descendsFrom(sha, first));
}

/** A pull_request_target checks the base branch out, unless told otherwise: the base compared with itself is as good as
 *  ever, whatever the pull request does.
 *  @throws FanwireError FANWIRE_USAGE_COMPARE */
async function requireRequested({ pull_request: request }: EventPayload, clone: Clone): Promise<void> {
  const sha = request?.head?.sha ?? '';
  if (await clone.descendsFrom(sha)) return;
  throw new FanwireError(
    'FANWIRE_USAGE_COMPARE',
    'the head has nothing of the pull request: pull_request_target checks out the base branch; use the event pull_request, ' +
      'or check out refs/pull/NUMBER/merge with fetch-depth: 0 (and know that its code then runs with your token)',
  );
}

async function ofPush(
  { ref = '', before = '', forced = false, repository }: EventPayload,
  clone: Clone,
): Promise<EventBase> {
  const isKnown = /[1-9a-f]/.test(before);
  if (isKnown && !(forced && !(await clone.has(before))))
    return { commit: await clone.have(before), why: 'what the push began with' };
  const what = ref.startsWith('refs/tags/') ? 'tag' : 'branch';
  const fork = await clone.forkOf(repository?.default_branch);
  if (fork !== undefined)
    return { commit: fork.commit, why: `where the ${isKnown ? 'rewritten' : 'new'} ${what} left ${fork.branch}` };
  return clone.firstParent(
    isKnown ? 'the commit before; the push threw its own base away' : 'the commit before what was pushed as new',
  );
}

function readPayload(path: string): EventPayload {
  try {
    return (readJsonFile(path) ?? {}) as EventPayload;
  } catch (error) {
    throw new FanwireError(
      'FANWIRE_USAGE_COMPARE',
      `cannot read the event of GITHUB_EVENT_PATH: ${(error as Error).message}; give --base`,
    );
  }
}

/** The clone that holds the head. A shallow clone knows the names of its parents but does not have them. */
class Clone {
  constructor(
    private readonly folder: string,
    private readonly ref: string,
  ) {}

  async head(): Promise<string> {
    return this.have(this.ref);
  }

  /** As the commit says itself: `HEAD^1` of a shallow clone is no commit. */
  async parents(): Promise<string[]> {
    const text = await git(this.folder, ['cat-file', 'commit', await this.head()]);
    const header = text.slice(0, text.indexOf('\n\n'));
    return header.split('\n').flatMap((line) => (line.startsWith('parent ') ? [line.slice('parent '.length)] : []));
  }

  async has(commit: string): Promise<boolean> {
    return commit !== '' && 'commit' in (await commitOf(this.folder, commit));
  }

  /** Whether `later`, the head unless given, is `commit` or has it in its history. */
  async descendsFrom(commit: string, later?: string): Promise<boolean> {
    if (!(await this.has(commit)) || (later !== undefined && !(await this.has(later)))) return false;
    return git(this.folder, ['merge-base', '--is-ancestor', commit, later ?? (await this.head())]).then(
      () => true,
      () => false,
    );
  }

  async have(ref: string): Promise<string> {
    const found = await commitOf(this.folder, ref);
    if ('commit' in found) return found.commit;
    throw new FanwireError(
      'FANWIRE_USAGE_COMPARE',
      `the base of this event cannot be had: ${found.why}; or give --base`,
    );
  }

  /** Where the head left the default branch; undefined where it is on it, or nothing is known of it. */
  async forkOf(branch = 'main'): Promise<{ readonly commit: string; readonly branch: string } | undefined> {
    const commit = await this.mergeBase(`refs/remotes/origin/${branch}`, branch).catch(() => undefined);
    return commit === undefined || commit === (await this.head()) ? undefined : { commit, branch };
  }

  async firstParent(why: string): Promise<EventBase> {
    const [first] = await this.parents();
    if (first !== undefined) return { commit: await this.have(first), why };
    throw new FanwireError(
      'FANWIRE_USAGE_COMPARE',
      'there is no commit before the head to compare it with: give --base',
    );
  }

  async mergeBase(target: string, name: string): Promise<string> {
    await this.have(target);
    try {
      return (await git(this.folder, ['merge-base', target, await this.head()])).trim();
    } catch {
      const why = `the head and ${name} share no commit in this clone: fetch-depth: 0 in actions/checkout`;
      throw new FanwireError('FANWIRE_USAGE_COMPARE', `the base of this event cannot be had: ${why}; or give --base`);
    }
  }
}

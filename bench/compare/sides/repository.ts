// The user's repository, read and never written: where its objects are, what its refs name, how its remotes are
// reached.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { didYouMean } from '../../../src/base/nearest.js';
import { GitFailure, git, reasonOf } from './git.js';

/** Settings of the clone that a checkout of its objects needs: how remotes, submodules and large files are fetched.
 *  They go along in the environment of a git command, and are written nowhere: they hold tokens. */
const TAKEN_ALONG =
  /^(remote|http|https|credential|lfs|url|filter|protocol|submodule)\.|^core\.(sshcommand|autocrlf|eol|attributesfile)$/;

export type GitSetting = readonly [key: string, value: string];

export interface Repository {
  /** Top folder of the work tree. */
  readonly root: string;
  /** From `root` to the folder that was asked about, with a slash behind it; '' at the top. */
  readonly prefix: string;
  /** Of this work tree: index, HEAD. */
  readonly gitFolder: string;
  /** Of all its work trees: objects, refs, modules. */
  readonly commonFolder: string;
  readonly objectFormat: string;
  /** What `TAKEN_ALONG` names, key and value. */
  readonly settings: readonly GitSetting[];
  /** Attributes that the clone has and no commit (`info/attributes`): how files are written out. */
  readonly attributes: string;
  /** Settings from wherever they are (system, user, clone) that decide which bytes a checkout has. */
  readonly conversions: readonly string[];
}

/** The repository that `folder` is in.
 *  @throws GitFailure */
export async function openRepository(folder: string): Promise<Repository> {
  return describe(folder, await git(folder, ['rev-parse', '--show-toplevel', '--show-prefix', ...ASKED]));
}

/** The repository that `folder` is in, to read commits of: it may be bare, and its `root` is then no work tree.
 *  @throws GitFailure */
export async function openObjects(folder: string): Promise<Repository> {
  if ((await git(folder, ['rev-parse', '--is-bare-repository'])).trim() !== 'true') return openRepository(folder);
  const root = (await git(folder, ['rev-parse', '--absolute-git-dir'])).trim();
  return describe(root, `${root}\n\n${await git(root, ['rev-parse', ...ASKED])}`);
}

const ASKED = ['--absolute-git-dir', '--git-common-dir', '--show-object-format'];

async function describe(folder: string, answer: string): Promise<Repository> {
  const [root = '', prefix = '', gitFolder = '', common = '', objectFormat = ''] = answer.split('\n');
  const list = await git(folder, ['config', '--local', '--includes', '--list', '-z']);
  const commonFolder = resolve(folder, common);
  return {
    root,
    prefix,
    gitFolder,
    commonFolder,
    objectFormat,
    settings: settingsOf(list, root),
    attributes: attributesOf(commonFolder),
    conversions: await conversionsIn(folder),
  };
}

/** Of the settings that hold in `folder`. */
async function conversionsIn(folder: string): Promise<string[]> {
  const list = (await git(folder, ['config', '--includes', '--list', '-z'])).split('\0');
  const own = list.filter((entry) =>
    /^(core\.(autocrlf|eol|symlinks|filemode|attributesfile)|filter\..*)\n/i.test(entry),
  );
  // Large files are then left out.
  const { GIT_LFS_SKIP_SMUDGE: skip } = process.env;
  return skip === undefined ? own : [...own, `GIT_LFS_SKIP_SMUDGE=${skip}`];
}

export function attributesOf(commonFolder: string): string {
  const file = join(commonFolder, 'info/attributes');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** What beside the commit decides which bytes a checkout has. */
export function conversionsOf({ conversions, attributes }: Repository): string[] {
  return [...conversions, ...(attributes === '' ? [] : [attributes])];
}

function settingsOf(list: string, root: string): GitSetting[] {
  const taken = list
    .split('\0')
    .map((entry): GitSetting => {
      const end = entry.indexOf('\n');
      return end < 0 ? [entry, 'true'] : [entry.slice(0, end), entry.slice(end + 1)];
    })
    .filter(([key]) => TAKEN_ALONG.test(key.toLowerCase()));
  // A submodule's relative URL is relative to the remote; without one, to the clone itself.
  return taken.some(([key]) => key === 'remote.origin.url') ? taken : [...taken, ['remote.origin.url', root]];
}

/** An environment that hands `settings` on to git and all that it starts, behind the GIT_CONFIG_* that are there
 *  already. */
export function environmentOf(settings: readonly GitSetting[]): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  let count = Number(process.env.GIT_CONFIG_COUNT ?? 0) || 0;
  for (const [key, value] of settings) {
    env[`GIT_CONFIG_KEY_${count}`] = key;
    env[`GIT_CONFIG_VALUE_${count++}`] = value;
  }
  return { ...env, GIT_CONFIG_COUNT: String(count) };
}

/** The commit that `ref` names in the repository of `folder`, or why it names none, with the mend. */
export async function commitOf(
  folder: string,
  ref: string,
): Promise<{ readonly commit: string } | { readonly why: string }> {
  try {
    let warning = '';
    // Behind `:/text` all is text.
    const asked = ref.startsWith(':/') ? ref : `${ref}^{commit}`;
    const commit = await git(folder, ['rev-parse', '--verify', '--end-of-options', asked], {
      warned: (stderr) => (warning = stderr),
    });
    // git takes the oldest that it knows, which in a fresh clone is the newest.
    const [, reaches] = /^warning: (log for .* only (?:goes back to|has) .*)$/m.exec(warning) ?? [];
    return reaches === undefined ? { commit: commit.trim() } : { why: `the ${reaches}: name a commit` };
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    const isOfRef = /Needed a single revision|unknown revision|bad revision|expected commit type|ambiguous/.test(
      error.stderr,
    );
    return { why: isOfRef ? await whyNoCommit(folder, ref, error) : reasonOf(error, folder) };
  }
}

async function whyNoCommit(folder: string, ref: string, failure: GitFailure): Promise<string> {
  const ask = (...args: string[]): Promise<string> =>
    git(folder, args).then(
      (text) => text.trim(),
      () => '',
    );
  if (/ambiguous/.test(failure.stderr) && /short (object ID|SHA1)/i.test(failure.stderr))
    return `${ref} is the start of several commits: write more of it`;
  const type = await ask('cat-file', '-t', ref);
  if (type !== '') return `${ref} is no commit but a ${type}`;
  if ((await ask('rev-parse', '--verify', '--quiet', 'HEAD')) === '') return 'the repository has no commit yet';
  if ((await ask('rev-parse', '--is-shallow-repository')) === 'true') {
    const count = await ask('rev-list', '--count', 'HEAD');
    return `this clone is shallow (${count} commit${count === '1' ? '' : 's'}) and has no ${ref}: fetch-depth: 0 in actions/checkout, or git fetch --unshallow`;
  }
  const [remote = '', ...rest] = ref.split('/');
  const remotes = (await ask('remote')).split('\n').filter((name) => name !== '');
  if (remotes.includes(remote) && rest.length > 0) {
    return `${ref} was never fetched: git fetch ${remote} ${rest.join('/')}, where ${remote} has it`;
  }
  if (/^[0-9a-f]{40,64}$/.test(ref))
    return `the clone has no commit ${ref}: git fetch ${remotes[0] ?? 'origin'} ${ref}`;
  if (/[~^]/.test(ref)) return `the history does not reach back to ${ref}`;
  const names = (await ask('for-each-ref', '--format=%(refname:short)')).split('\n');
  const near = didYouMean(ref, names);
  const isOfRemote = rest.length > 0 && ['origin', 'upstream'].includes(remote);
  if (isOfRemote && near === '')
    return `this repository has no remote ${remote}: git remote add ${remote} URL, then git fetch ${remote}`;
  const fetch =
    near === '' && remotes[0] !== undefined ? `; where ${remotes[0]} has it: git fetch --tags ${remotes[0]}` : '';
  return `no branch, tag or commit is called ${ref}${near}${fetch}`;
}

/** Commits whose parents a shallow clone leaves out, for a checkout of its objects; '' where it is none. */
export function shallowList(repository: Repository): string {
  const file = join(repository.commonFolder, 'shallow');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

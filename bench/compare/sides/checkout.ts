// A side's own checkout: a repository beside the user's that reads its objects and writes nothing into it.
//
// No `git worktree`: that leaves its administration in the user's .git, and runs the user's hooks. Here objects are
// read through `objects/info/alternates` (gitrepository-layout(5)), and `read-tree -u` writes the files, which runs no
// hook.

import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { FanwireError } from '../../../src/base/error.js';
import { GitFailure, git, reasonOf } from './git.js';
import { ignoredLinks } from './ignored-links.js';
import { refuseMissingLargeFiles } from './large-files.js';
import { ownIndex } from './own-index.js';
import {
  attributesOf,
  environmentOf,
  type GitSetting,
  openRepository,
  type Repository,
  shallowList,
} from './repository.js';

/** What a checkout is made of: a commit, or a work tree as it stands. */
export interface Snapshot {
  readonly repository: Repository;
  /** HEAD of the checkout; '' in a repository without a commit. */
  readonly commit: string;
  readonly tree: string;
  /** Objects that only the work tree has (uncommitted files), in a folder that the checkout takes over; undefined:
   *  none. */
  readonly objects: string | undefined;
  /** Work trees of submodules, by path; others are checked out at the commit that the tree names. */
  readonly submodules: ReadonlyMap<string, Snapshot>;
}

/** `commit` as it is. */
export async function snapshotCommit(repository: Repository, commit: string): Promise<Snapshot> {
  const tree = (await git(repository.root, ['rev-parse', `${commit}^{tree}`])).trim();
  return { repository, commit, tree, objects: undefined, submodules: new Map() };
}

/** The work tree of `repository` as it stands: changed and untracked files with it, ignored ones not. `folder` takes
 *  the objects that this makes; nothing below `leftOut` is part of it.
 *  @throws GitFailure */
export async function snapshotFolder(repository: Repository, folder: string, leftOut: string): Promise<Snapshot> {
  const objects = join(folder, 'objects');
  mkdirSync(objects, { recursive: true });
  const index = await ownIndex(repository, join(folder, 'index'));
  const env = {
    ...environmentOf(repository.settings),
    GIT_INDEX_FILE: index,
    GIT_OBJECT_DIRECTORY: objects,
    // A list with colons, unless in quotes.
    GIT_ALTERNATE_OBJECT_DIRECTORIES: JSON.stringify(join(repository.commonFolder, 'objects')),
  };
  const run = (args: string[]): Promise<string> => git(repository.root, args, { env });
  await run([
    '-c',
    'advice.addEmbeddedRepo=false',
    'add',
    '--all',
    '--sparse',
    '--',
    '.',
    ...exclude(repository, leftOut),
    ...(await ignoredLinks(repository)),
  ]);
  const tree = (await run(['write-tree'])).trim();
  const commit = await git(repository.root, ['rev-parse', '--verify', '--quiet', 'HEAD']).then(
    (text) => text.trim(),
    () => '',
  );
  const submodules = new Map<string, Snapshot>();
  for (const { path } of gitlinks(await run(['ls-files', '--stage', '-z']))) {
    if (!existsSync(join(repository.root, path, '.git'))) continue;
    const inner = await openRepository(join(repository.root, path));
    submodules.set(path, await snapshotFolder(inner, join(folder, `submodule-${submodules.size}`), leftOut));
  }
  return { repository, commit, tree, objects, submodules };
}

/** How many files of the work tree differ from HEAD, and how many it does not know. `scratch` takes a
 *  file. */
export async function changesOf(
  repository: Repository,
  leftOut: string,
  scratch: string,
): Promise<{ changed: number; untracked: number }> {
  const args = [
    'status',
    '--porcelain',
    '--no-renames',
    '--untracked-files=all',
    '-z',
    '--',
    '.',
    ...exclude(repository, leftOut),
  ];
  const index = await ownIndex(repository, join(scratch, 'index-of-changes'));
  const env = { ...environmentOf(repository.settings), GIT_INDEX_FILE: index };
  const lines = (await git(repository.root, args, { env })).split('\0').filter((line) => line !== '');
  const untracked = lines.filter((line) => line.startsWith('??')).length;
  return { changed: lines.length - untracked, untracked };
}

function exclude(repository: Repository, leftOut: string): string[] {
  const path = relative(repository.root, leftOut);
  return path === '' || path.startsWith('..') ? [] : [`:(exclude,top)${path}`];
}

/** Writes the files of `snapshot` into `folder`, which is new, submodules with them.
 *  @throws FanwireError FANWIRE_COMPARE_CHECKOUT, GitFailure */
export async function checkOut(snapshot: Snapshot, folder: string, signal: AbortSignal): Promise<void> {
  const { repository, commit, tree } = snapshot;
  const at = { env: environmentOf(repository.settings), signal };
  await shadow(repository, folder, signal, snapshot.objects);
  if (commit !== '') await git(folder, ['update-ref', '--no-deref', 'HEAD', commit], at);
  await git(folder, ['read-tree', '--reset', '-u', tree], at);
  await refuseMissingLargeFiles(folder);
  for (const link of gitlinks(await git(folder, ['ls-files', '--stage', '-z'], at))) {
    await checkOutSubmodule(snapshot, link, folder, signal);
  }
}

/** Makes `folder` a repository that reads the objects of the user's and has its tags, with no file checked out.
 *  `objects`: a folder of further objects, which it takes over. @throws GitFailure */
export async function shadow(
  repository: Repository,
  folder: string,
  signal: AbortSignal,
  objects?: string,
): Promise<void> {
  const at = { env: environmentOf(repository.settings), signal };
  mkdirSync(folder, { recursive: true });
  // With refs in files, whatever the user's default: tags are copied as such.
  const env = { ...at.env, GIT_DEFAULT_REF_FORMAT: 'files' };
  await git(folder, ['init', '--quiet', '--template=', `--object-format=${repository.objectFormat}`], { env, signal });
  const own = join(folder, '.git');
  if (objects !== undefined) {
    renameSync(join(own, 'objects'), join(own, 'no-objects'));
    renameSync(objects, join(own, 'objects'));
  }
  mkdirSync(join(own, 'objects/info'), { recursive: true });
  writeFileSync(join(own, 'objects/info/alternates'), `${join(repository.commonFolder, 'objects')}\n`);
  const shallow = shallowList(repository);
  if (shallow !== '') writeFileSync(join(own, 'shallow'), shallow);
  if (repository.attributes !== '') {
    mkdirSync(join(own, 'info'), { recursive: true });
    writeFileSync(join(own, 'info/attributes'), repository.attributes);
  }
  await copyTags(repository, own);
}

/** `snapshot` after it was checked out into `folder`: its objects are read from there from now on. */
export function settled(snapshot: Snapshot, folder: string): Snapshot {
  const own = join(folder, '.git');
  const submodules = [...snapshot.submodules].map(([path, inner]): [string, Snapshot] => [
    path,
    settled(inner, join(folder, path)),
  ]);
  return {
    ...snapshot,
    repository: { ...snapshot.repository, root: folder, gitFolder: own, commonFolder: own },
    objects: undefined,
    submodules: new Map(submodules),
  };
}

/** Versions made with `git describe` need them. */
async function copyTags(repository: Repository, own: string): Promise<void> {
  const env = environmentOf(repository.settings);
  const tags = await git(repository.root, ['for-each-ref', '--format=%(objectname) %(refname)', 'refs/tags'], { env });
  if (tags !== '') writeFileSync(join(own, 'packed-refs'), tags);
}

interface Gitlink {
  readonly commit: string;
  readonly path: string;
}

/** The submodules among what `ls-files --stage -z` lists. */
function gitlinks(stages: string): Gitlink[] {
  return stages
    .split('\0')
    .filter((line) => line.startsWith('160000 '))
    .map((line) => ({ commit: line.split(' ')[1] ?? '', path: line.slice(line.indexOf('\t') + 1) }));
}

async function checkOutSubmodule(
  snapshot: Snapshot,
  link: Gitlink,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const inside = join(folder, link.path);
  const known = snapshot.submodules.get(link.path) ?? (await fromUsersModules(snapshot.repository, link, folder));
  if (known !== undefined) return checkOut(known, inside, signal);
  const { settings } = snapshot.repository;
  // Left out of the environment: otherwise the inner clone would have the outer clone's remote as well.
  const at = { env: environmentOf(settings.filter(([key]) => !key.startsWith('remote.'))), signal };
  const url = settings.findLast(([key]) => key === 'remote.origin.url')?.[1] ?? '';
  try {
    await git(folder, ['config', 'remote.origin.url', url], at);
    await git(folder, ['submodule', '--quiet', 'update', '--init', '--recursive', '--', link.path], at);
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
    throw new FanwireError(
      'FANWIRE_COMPARE_CHECKOUT',
      `cannot fetch submodule ${link.path}: ${reasonOf(error, folder)}`,
    );
  } finally {
    // It may hold a token, and the checkout is kept.
    await git(folder, ['config', '--remove-section', 'remote.origin']).catch(() => {});
  }
}

/** The submodule as the user's clone has it fetched: neither network nor credentials are needed then. */
async function fromUsersModules(repository: Repository, link: Gitlink, folder: string): Promise<Snapshot | undefined> {
  const names = await git(folder, ['config', '--file', '.gitmodules', '--get-regexp', '^submodule\\..*\\.path$']).catch(
    () => '',
  );
  const line = names.split('\n').find((one) => one.endsWith(` ${link.path}`));
  const name = line?.slice('submodule.'.length, line.length - `.path ${link.path}`.length);
  if (name === undefined) return undefined;
  // A linked work tree has submodules of its own.
  const folders = [repository.gitFolder, repository.commonFolder].map((at) => resolve(at, 'modules', name));
  for (const module of folders) {
    const found = await fromModule(module, repository, link);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function fromModule(module: string, repository: Repository, link: Gitlink): Promise<Snapshot | undefined> {
  try {
    const env = environmentOf([trusted(module)]);
    await git(module, ['cat-file', '-e', `${link.commit}^{commit}`], { env });
    const inner = await openModule(module, repository);
    const tree = (await git(module, ['rev-parse', `${link.commit}^{tree}`], { env })).trim();
    return { repository: inner, commit: link.commit, tree, objects: undefined, submodules: new Map() };
  } catch (error) {
    if (error instanceof GitFailure) return undefined;
    throw error;
  }
}

/** It lies in the git folder of a clone that git trusts, whose owner may be another user (a container that mounts it);
 *  git asks for each such folder to be named, and is only asked to read objects of this one. */
function trusted(module: string): GitSetting {
  return ['safe.directory', module];
}

/** A git folder below .git/modules: it may have no work tree that is there. */
async function openModule(module: string, outer: Repository): Promise<Repository> {
  const env = environmentOf([trusted(module)]);
  const url = await git(module, ['config', 'remote.origin.url'], { env }).catch(() => '');
  const settings: GitSetting[] = [...outer.settings, ['remote.origin.url', url.trim() || module], trusted(module)];
  return {
    root: module,
    prefix: '',
    gitFolder: module,
    commonFolder: module,
    objectFormat: outer.objectFormat,
    settings,
    attributes: attributesOf(module),
    conversions: outer.conversions,
  };
}

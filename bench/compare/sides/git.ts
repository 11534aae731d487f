// Runs git, and says in one line why it did not do what it was asked, with the mend.

import { execFile } from 'node:child_process';
import { FanwireError } from '../../../src/base/error.js';

/** What git sets for its hooks, or is told about one repository. A comparison inside of a hook would act on the user's
 *  repository wherever it runs git. */
const LOCAL_VARIABLES = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_ATTR_SOURCE',
  'GIT_COMMON_DIR',
  'GIT_DIR',
  'GIT_GLOB_PATHSPECS',
  'GIT_GRAFT_FILE',
  'GIT_ICASE_PATHSPECS',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_INTERNAL_SUPER_PREFIX',
  'GIT_LITERAL_PATHSPECS',
  'GIT_NAMESPACE',
  'GIT_NOGLOB_PATHSPECS',
  'GIT_OBJECT_DIRECTORY',
  'GIT_PREFIX',
  'GIT_QUARANTINE_PATH',
  'GIT_SHALLOW_FILE',
  'GIT_WORK_TREE',
];
/** No hook of the user's, no daemon, and no background work runs for a comparison; and files as they lie there are
 *  taken whatever their line ends, which only matter to who commits them. */
const QUIET = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.safecrlf=false',
  'gc.auto=0',
  'maintenance.auto=false',
];
export const QUIET_FLAGS: readonly string[] = QUIET.flatMap((setting) => ['-c', setting]);
/** A tree of a million files lists in 100 MB. */
const MAX_OUTPUT_BYTES = 512 << 20;

/** git ended with an error; the message is what it said, without "fatal:". */
export class GitFailure extends Error {
  constructor(
    message: string,
    /** All that it wrote to stderr. */
    readonly stderr: string,
  ) {
    super(message);
  }
}

/** `environment` without what makes git forget the folder that it runs in. */
export function withoutRepository(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = { ...environment };
  for (const name of LOCAL_VARIABLES) delete own[name];
  return own;
}

interface GitOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** Told what it wrote to stderr, though it did what it was asked. */
  readonly warned?: (stderr: string) => void;
}

/** Output of `git args` run in `folder`.
 *  @throws GitFailure, and the reason of `signal` */
export function git(
  folder: string,
  args: readonly string[],
  { env = {}, signal, warned }: GitOptions = {},
): Promise<string> {
  const environment = {
    ...withoutRepository(process.env),
    ...env,
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_TEMPLATE_DIR: '',
  };
  const options = { encoding: 'utf8', maxBuffer: MAX_OUTPUT_BYTES, env: environment, signal } as const;
  return new Promise((resolve, reject) => {
    execFile('git', [...QUIET_FLAGS, '-C', folder, ...args], options, (error, stdout, stderr) => {
      if (error === null) {
        warned?.(stderr);
        resolve(stdout);
        return;
      }
      if (signal?.aborted) reject(signal.reason);
      // Ctrl+C reaches git as well, and git ends first.
      else if (error.signal === 'SIGINT' || error.signal === 'SIGTERM') reject(interrupted());
      else if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        reject(new GitFailure('there is no git on the PATH', ''));
      else reject(new GitFailure(said(stderr) || error.message.split('\n')[0] || 'git failed', stderr));
    });
  });
}

function interrupted(): FanwireError {
  return new FanwireError('FANWIRE_COMPARE_INTERRUPTED', 'interrupted: no verdict');
}

/** The line that tells most: git puts its reason first after "fatal:" or "error:", helpers and hints before and
 *  behind. */
function said(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const errors = lines.filter((line) => line.startsWith('error: '));
  const fatal = lines.find((line) => line.startsWith('fatal: '));
  // "adding files failed" says that an error came before.
  const reason =
    fatal === undefined || /^fatal: (adding|updating) files failed/.test(fatal) ? (errors[0] ?? fatal) : fatal;
  return (reason ?? lines.filter((line) => line !== '').at(-1) ?? '').replace(/^(fatal|error): /, '');
}

interface Mend {
  readonly says: RegExp;
  mend(folder: string, said: string): string;
}

const MENDS: readonly Mend[] = [
  {
    says: /does not have a commit checked out/,
    mend: () => 'commit in that repository, or let this one ignore it',
  },
  {
    says: /open\(".*"\): Permission denied|unable to index file|insufficient permission/,
    mend: () => 'let it be read, or ignore it (.gitignore)',
  },
  {
    says: /no git on the PATH/,
    mend: () => 'install git, or compare folders, URLs or commands',
  },
  {
    says: /dubious ownership/,
    mend: (folder, said) =>
      `trust it: git config --global --add safe.directory ${/repository at '(.*)'/.exec(said)?.[1] ?? folder}`,
  },
  {
    says: /not a git repository: /,
    mend: () => 'its .git names a folder that is not there: git worktree repair, or clone it anew',
  },
  {
    says: /not a git repository/,
    mend: () => 'run it in a clone (in a workflow: actions/checkout first)',
  },
  {
    says: /git-lfs|smudge filter lfs/,
    mend: () => 'fetch what Git LFS keeps: git lfs install && git lfs fetch --all (actions/checkout: lfs: true)',
  },
  {
    says: /transport '.*' not allowed/,
    mend: () => 'allow it (git config --global protocol.file.allow always), or name the submodule by https',
  },
  {
    says: /could not read (Username|Password)|Authentication failed|Permission denied \(publickey|Repository not found|repository '.*' not found/,
    mend: () => 'give this job access to it (actions/checkout: submodules: recursive, with a token that may read it)',
  },
  {
    says: /repository '.*' does not exist|does not appear to be a git repository|Could not resolve host|Could not read from remote/,
    mend: () =>
      'is its URL in .gitmodules right? Where your clone has it (git submodule update --init), no URL is asked',
  },
  {
    says: /not our ref/,
    mend: () =>
      'the repository that it comes from has no such commit: push it there (a submodule before what names it)',
  },
  {
    says: /unable to read (tree|sha1|blob)|unable to find [0-9a-f]{40}|missing (blob|tree|object)|bad object|promisor/,
    mend: () => 'the clone lacks it: git fetch --unshallow, or fetch-depth: 0 in actions/checkout',
  },
  {
    says: /must be run in a work tree/,
    mend: () => 'a bare repository has no files to stand in: compare in a clone of it',
  },
  {
    // Without a reason: most often there is no room for it.
    says: /No space left|unable to write file|unable to create temporary file|unable to write new index file/,
    mend: () => 'is the disk full? Free some space, or put --cache elsewhere',
  },
];

/** `failure` as one line: what was tried, what git said, what mends it. */
export function reasonOf(failure: unknown, folder: string): string {
  if (!(failure instanceof GitFailure)) return failure instanceof Error ? failure.message : String(failure);
  const whole = `${failure.message}\n${failure.stderr}`;
  const known = MENDS.find(({ says }) => says.test(whole));
  const special = known === undefined ? '' : whole.split('\n').find((line) => known.says.test(line));
  const message = (special || failure.message)
    .trim()
    .replace(/^(fatal|error): /, '')
    .replace(/[.:]$/, '');
  return known === undefined ? message : `${message}; ${known.mend(folder, whole)}`;
}

/** The failure of a step on the way to a checkout: nothing was measured.
 *  @throws FanwireError FANWIRE_COMPARE_CHECKOUT, or what is none of git's */
export function refuseCheckout(what: string, folder: string, failure: unknown): never {
  if (!(failure instanceof GitFailure)) throw failure;
  throw new FanwireError('FANWIRE_COMPARE_CHECKOUT', `cannot check out ${what}: ${reasonOf(failure, folder)}`);
}

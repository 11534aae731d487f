// One comment a comparison on a pull request: the first run makes it, the next ones write it anew.

import { FanwireError } from '../../../src/base/error.js';
import { type GitHub, GitHubRefusal, Uncertain } from './github.js';

const PAGE = 100;
/** Nobody reads more, and each page is a request. */
const MOST_PAGES = 30;

interface Comment {
  readonly id: number;
  readonly body?: string;
  readonly html_url?: string;
  readonly user?: { readonly login?: string; readonly type?: string } | null;
}

/** Writes `body`, whose first line is `marker`, into the comment that has it, or a new one. Tells its address.
 *  @throws FanwireError FANWIRE_COMMENT_FAILED */
export async function writeComment(github: GitHub, number: number, marker: string, body: string): Promise<string> {
  try {
    const gone = new Set<number>();
    for (let attempt = 1; ; attempt++) {
      const own = await findOwn(github, number, marker, gone);
      try {
        const written = await (own === undefined
          ? github.json<Comment>('POST', `/issues/${number}/comments`, { body })
          : github.json<Comment>('PATCH', `/issues/comments/${own.id}`, { body }));
        return written?.html_url ?? '';
      } catch (error) {
        if (attempt === TRIES) throw error;
        // Deleted meanwhile, or another app's, which this token may not write.
        if (own !== undefined && isNotOurs(error)) gone.add(own.id);
        else if (!(error instanceof Uncertain)) throw error;
      }
    }
  } catch (error) {
    throw failure(error, number);
  }
}

/** Whether pull request `number` has a comment of ours with `marker`. @throws FanwireError FANWIRE_COMMENT_FAILED */
export async function hasComment(github: GitHub, number: number, marker: string): Promise<boolean> {
  try {
    return (await findOwn(github, number, marker, new Set())) !== undefined;
  } catch (error) {
    throw failure(error, number);
  }
}

const TRIES = 4;

function isNotOurs(error: unknown): boolean {
  return (
    error instanceof GitHubRefusal && (error.status === 404 || (error.status === 403 && error.waitS === undefined))
  );
}

/** Anybody can write the marker into a comment: only the token's own one is written over. */
async function findOwn(
  github: GitHub,
  number: number,
  marker: string,
  gone: ReadonlySet<number>,
): Promise<Comment | undefined> {
  const login = await github.login();
  for (let page = 1; page <= MOST_PAGES; page++) {
    const comments = await github.json<Comment[]>('GET', `/issues/${number}/comments?per_page=${PAGE}&page=${page}`);
    const own = comments.find(({ id, body, user }) => {
      const isOwn = login === undefined ? user?.type === 'Bot' : user?.login === login;
      return isOwn && !gone.has(id) && body?.startsWith(marker);
    });
    if (own !== undefined || comments.length < PAGE) return own;
  }
  return undefined;
}

function failure(error: unknown, number: number): unknown {
  if (error instanceof Uncertain) return couldNot(number, `${error.message}; try again later`);
  if (!(error instanceof GitHubRefusal)) return error;
  const { status, message, waitS } = error;
  const said = message === '' ? `HTTP ${status}` : `${message} (HTTP ${status})`;
  const mend = mendOf(status, message, waitS);
  return couldNot(number, `${said}; ${mend}`);
}

function couldNot(number: number, why: string): FanwireError {
  return new FanwireError('FANWIRE_COMMENT_FAILED', `cannot comment on pull request #${number}: ${why}`);
}

function mendOf(status: number, message: string, waitS: number | undefined): string {
  if (waitS !== undefined) return `GitHub's limit lasts ${Math.ceil(waitS)} s more: try again then`;
  if (/locked/.test(message)) return 'its conversation is locked: unlock it, or leave comments off (comment: false)';
  return (
    {
      401: 'the token is not valid: give GITHUB_TOKEN the job’s own',
      403: 'the token may not comment: give the job permissions: pull-requests: write',
      404: 'there is no such pull request, or the token may not see it',
    }[status] ?? 'try again later'
  );
}

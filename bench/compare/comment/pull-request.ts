// One comment a comparison on a pull request: the first run makes it, the next ones write it anew.

import { FanwireError } from '../../../src/base/error.js';
import { type GitHub, GitHubRefusal } from './github.js';

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
    const own = await findOwn(github, number, marker);
    const written = await (own === undefined
      ? github.json<Comment>('POST', `/issues/${number}/comments`, { body })
      : github.json<Comment>('PATCH', `/issues/comments/${own.id}`, { body }));
    return written.html_url ?? '';
  } catch (error) {
    throw failure(error, number);
  }
}

/** Anybody can write the marker into a comment: only the token's own one is written over. */
async function findOwn(github: GitHub, number: number, marker: string): Promise<Comment | undefined> {
  const login = await github.login();
  for (let page = 1; page <= MOST_PAGES; page++) {
    const comments = await github.json<Comment[]>('GET', `/issues/${number}/comments?per_page=${PAGE}&page=${page}`);
    const own = comments.find(({ body, user }) => {
      const isOwn = login === undefined ? user?.type === 'Bot' : user?.login === login;
      return isOwn && body?.startsWith(marker);
    });
    if (own !== undefined || comments.length < PAGE) return own;
  }
  return undefined;
}

function failure(error: unknown, number: number): unknown {
  if (!(error instanceof GitHubRefusal)) return error;
  const { status, message } = error;
  const said = message === '' ? `HTTP ${status}` : `${message} (HTTP ${status})`;
  const mend =
    status === 401
      ? 'the token is not valid: give GITHUB_TOKEN the job’s own'
      : status === 403
        ? 'the token may not comment: give the job permissions: pull-requests: write'
        : status === 404
          ? 'there is no such pull request, or the token may not see it'
          : 'try again later';
  return new FanwireError('FANWIRE_COMMENT_FAILED', `cannot comment on pull request #${number}: ${said}; ${mend}`);
}

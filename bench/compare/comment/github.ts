// The few routes of GitHub's REST API that a comment takes. https://docs.github.com/en/rest

import { setTimeout as sleep } from 'node:timers/promises';
import { FanwireError } from '../../../src/base/error.js';

const TIMEOUT_MS = 20_000;
const TRIES = 4;
/** What a `retry-after` may ask for, and the wait where there is none. */
const LONGEST_WAIT_S = 60;
const JSON_BYTES = 8 << 20;

export interface GitHubAccess {
  /** `https://api.github.com`, or a GitHub Enterprise server's. */
  readonly api: string;
  /** `owner/name`. */
  readonly repository: string;
  readonly token: string;
}

/** An answer that is no success. */
export class GitHubRefusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Seconds until GitHub takes requests again, where it says so. */
    readonly waitS?: number,
  ) {
    super(message);
  }
}

/** A request that came to nothing and may be made again; a comment may have been made all the same. */
export class Uncertain extends Error {}

export class GitHub {
  constructor(private readonly access: GitHubAccess) {}

  /** `path` without the repository, such as `/issues/12/comments`.
   *  @throws GitHubRefusal, FanwireError FANWIRE_COMMENT_FAILED where GitHub cannot be reached */
  async json<T>(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<T> {
    const bytes = await this.request(method, `/repos/${this.access.repository}${path}`, JSON_BYTES, body);
    return this.parse(bytes, path) as T;
  }

  /** @throws GitHubRefusal, FanwireError FANWIRE_COMMENT_FAILED for more than `most` bytes */
  async bytes(path: string, most: number): Promise<Buffer> {
    return this.request('GET', `/repos/${this.access.repository}${path}`, most);
  }

  /** The user behind the token; undefined for a job's own token, which may not ask. */
  async login(): Promise<string | undefined> {
    try {
      const user = this.parse(await this.request('GET', '/user', JSON_BYTES), '/user') as { login?: string } | null;
      return user?.login;
    } catch (error) {
      // A limit is none of the token's: taken for one, a comment of one's own would not be found.
      if (error instanceof GitHubRefusal && error.waitS === undefined && error.status < 429) return undefined;
      throw error;
    }
  }

  private parse(bytes: Buffer, path: string): unknown {
    try {
      return JSON.parse(bytes.toString('utf8'));
    } catch {
      throw new FanwireError(
        'FANWIRE_COMMENT_FAILED',
        `${this.access.api} answers ${path} with something that is not JSON: is GITHUB_API_URL right?`,
      );
    }
  }

  private async request(method: string, path: string, most: number, body?: unknown): Promise<Buffer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(method, path, most, body);
      } catch (error) {
        const waitS = waitAfter(error, attempt);
        if (waitS === undefined || attempt === TRIES) throw this.told(error);
        await sleep(waitS * 1000);
        // What made the comment may have answered nothing: whoever asked has to look first.
        if (method === 'POST' && isUncertain(error)) throw new Uncertain(String((error as Error).message));
      }
    }
  }

  /** @throws GitHubRefusal, FanwireError, and what fetch throws */
  private async once(method: string, path: string, most: number, body: unknown): Promise<Buffer> {
    const { api, token } = this.access;
    const response = await fetch(`${api.replace(/\/+$/, '')}${path}`, {
      method,
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token}`,
        'x-github-api-version': '2022-11-28',
        'user-agent': 'fanwire',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) return readBounded(response, most, path);
    const answer = await readBounded(response, JSON_BYTES, path);
    throw new GitHubRefusal(response.status, messageOf(answer), limitOf(response));
  }

  private told(error: unknown): unknown {
    if (error instanceof FanwireError || error instanceof GitHubRefusal) return error;
    const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
    return new FanwireError(
      'FANWIRE_COMMENT_FAILED',
      `cannot reach GitHub at ${this.access.api}: ${cause?.code ?? cause?.message ?? message}`,
    );
  }
}

/** Seconds to wait before the next try; undefined where none would help: a refusal stays one, and a limit may last
 *  longer than anybody waits. */
function waitAfter(error: unknown, attempt: number): number | undefined {
  const own = 2 ** (attempt - 1) / 4;
  if (error instanceof FanwireError) return undefined;
  if (!(error instanceof GitHubRefusal)) return own;
  if (error.waitS !== undefined) return error.waitS <= LONGEST_WAIT_S ? Math.max(0.1, error.waitS) : undefined;
  return error.status >= 500 || error.status === 429 ? own : undefined;
}

function isUncertain(error: unknown): boolean {
  return !(error instanceof GitHubRefusal) || error.status >= 500;
}

/** Seconds until a rate limit ends; undefined where the answer speaks of none.
 *  https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api */
function limitOf({ status, headers }: Response): number | undefined {
  if (status !== 403 && status !== 429) return undefined;
  const after = headers.get('retry-after');
  if (after !== null) {
    const seconds = /^\s*\d+(\.\d+)?\s*$/.test(after) ? Number(after) : (Date.parse(after) - Date.now()) / 1000;
    return Number.isFinite(seconds) ? Math.max(0, seconds) : 1;
  }
  if (headers.get('x-ratelimit-remaining') !== '0') return undefined;
  const until = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
  return Number.isFinite(until) ? Math.max(0, until - Date.now() / 1000) : LONGEST_WAIT_S;
}

async function readBounded(response: Response, most: number, path: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > most) {
      throw new FanwireError('FANWIRE_COMMENT_FAILED', `${path} answers with more than ${most} bytes: refused`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function messageOf(answer: Buffer): string {
  try {
    return String((JSON.parse(answer.toString('utf8')) as { message?: unknown }).message ?? '').slice(0, 300);
  } catch {
    return answer.toString('utf8').replace(/\s+/g, ' ').slice(0, 300);
  }
}

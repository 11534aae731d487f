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
  ) {
    super(message);
  }
}

export class GitHub {
  constructor(private readonly access: GitHubAccess) {}

  /** `path` without the repository, such as `/issues/12/comments`.
   *  @throws GitHubRefusal, FanwireError FANWIRE_COMMENT_FAILED where GitHub cannot be reached */
  async json<T>(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<T> {
    const bytes = await this.request(method, `/repos/${this.access.repository}${path}`, JSON_BYTES, body);
    return JSON.parse(bytes.toString('utf8')) as T;
  }

  /** @throws GitHubRefusal, FanwireError FANWIRE_COMMENT_FAILED for more than `most` bytes */
  async bytes(path: string, most: number): Promise<Buffer> {
    return this.request('GET', `/repos/${this.access.repository}${path}`, most);
  }

  /** The user behind the token; undefined for a job's own token, which may not ask. */
  async login(): Promise<string | undefined> {
    try {
      return (JSON.parse((await this.request('GET', '/user', JSON_BYTES)).toString('utf8')) as { login?: string })
        .login;
    } catch (error) {
      if (error instanceof GitHubRefusal) return undefined;
      throw error;
    }
  }

  private async request(method: string, path: string, most: number, body?: unknown): Promise<Buffer> {
    for (let attempt = 1; ; attempt++) {
      const response = await this.fetch(method, path, body);
      if (response.ok) return readBounded(response, most, path);
      const answer = await readBounded(response, JSON_BYTES, path);
      if (attempt === TRIES || !isPassing(response)) throw new GitHubRefusal(response.status, messageOf(answer));
      await sleep(waitMs(response, attempt));
    }
  }

  private async fetch(method: string, path: string, body: unknown): Promise<Response> {
    const { api, token } = this.access;
    try {
      return await fetch(`${api.replace(/\/+$/, '')}${path}`, {
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
    } catch (error) {
      const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
      throw new FanwireError(
        'FANWIRE_COMMENT_FAILED',
        `cannot reach GitHub at ${api}: ${cause?.code ?? cause?.message ?? message}`,
      );
    }
  }
}

/** Overload and rate limits pass; a refusal does not. */
function isPassing({ status, headers }: Response): boolean {
  return status >= 500 || status === 429 || (status === 403 && headers.has('retry-after'));
}

function waitMs({ headers }: Response, attempt: number): number {
  const asked = Number(headers.get('retry-after') ?? 2 ** (attempt - 1));
  return Math.min(LONGEST_WAIT_S, Math.max(0.1, Number.isFinite(asked) ? asked : 1)) * 1000;
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

// GitHub's REST API as far as commenting needs it, on loopback.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface StoredComment {
  readonly id: number;
  body: string;
  readonly user: { readonly login: string; readonly type: string };
}

export interface GitHubServer {
  readonly api: string;
  readonly comments: StoredComment[];
  /** Every request, "METHOD /path". */
  readonly requests: string[];
  /** Artifacts of run 7, zip by name. */
  readonly artifacts: Map<string, Buffer>;
  run: { event: string; head_sha: string; head_repository: { full_name: string } };
  pull: { state: string; head: { sha: string; repo: { full_name: string } | null } };
  /** Answered before anything else, once each. */
  readonly refusals: { status: number; message: string; headers?: Record<string, string> }[];
  /** Comments are made, and the answer is an error: so many times. */
  brokenAnswers: number;
  /** Of these comments nothing is known any more. */
  readonly deleted: Set<number>;
  token: string;
  /** Who the token is; undefined: a job's own, which may not ask. */
  login: string | undefined;
}

export async function gitHubServer(t: TestContext): Promise<GitHubServer> {
  const state = {
    comments: [] as StoredComment[],
    requests: [] as string[],
    artifacts: new Map<string, Buffer>(),
    run: { event: 'pull_request', head_sha: 'a'.repeat(40), head_repository: { full_name: 'fork/relay' } },
    pull: {
      state: 'open',
      head: { sha: 'a'.repeat(40), repo: { full_name: 'fork/relay' } as { full_name: string } | null },
    },
    refusals: [] as GitHubServer['refusals'],
    brokenAnswers: 0,
    deleted: new Set<number>(),
    token: 'secret',
    login: undefined as string | undefined,
  };
  const server = createServer((request, response) => void answer(state, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return Object.assign(state, { api: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
}

async function answer(
  state: Omit<GitHubServer, 'api'>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '', url = '' } = request;
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = chunks.length === 0 ? undefined : (JSON.parse(Buffer.concat(chunks).toString()) as { body: string });
  state.requests.push(`${method} ${url}`);
  const say = (status: number, value: unknown, headers = {}): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(Buffer.isBuffer(value) ? value : JSON.stringify(value));
  };
  const refusal = state.refusals.shift();
  if (refusal !== undefined) return say(refusal.status, { message: refusal.message }, refusal.headers);
  if (request.headers.authorization !== `Bearer ${state.token}`) return say(401, { message: 'Bad credentials' });
  if (url === '/user') {
    return state.login === undefined
      ? say(403, { message: 'Resource not accessible by integration' })
      : say(200, { login: state.login });
  }
  const path = url.startsWith('/repos/o/relay/') ? url.slice('/repos/o/relay'.length) : '';
  const [, page] = /^\/issues\/12\/comments\?per_page=100&page=(\d+)$/.exec(path) ?? [];
  if (method === 'GET' && page !== undefined) {
    return say(200, state.comments.slice((Number(page) - 1) * 100, Number(page) * 100));
  }
  if (method === 'POST' && path === '/issues/12/comments') {
    const user = { login: state.login ?? 'github-actions[bot]', type: state.login === undefined ? 'Bot' : 'User' };
    const made = { id: 1000 + state.comments.length, body: body?.body ?? '', user };
    state.comments.push(made);
    if (state.brokenAnswers-- > 0) return say(502, { message: 'Bad Gateway' });
    return say(201, { ...made, html_url: `https://github.com/o/relay/pull/12#${made.id}` });
  }
  const [, id] = /^\/issues\/comments\/(\d+)$/.exec(path) ?? [];
  const comment = state.comments.find((one) => one.id === Number(id));
  if (method === 'PATCH' && comment !== undefined && !state.deleted.has(comment.id)) {
    comment.body = body?.body ?? '';
    return say(200, { ...comment, html_url: `https://github.com/o/relay/pull/12#${comment.id}` });
  }
  if (path === '/actions/runs/7') return say(200, state.run);
  if (path === '/pulls/12') return say(200, state.pull);
  const list = [...state.artifacts];
  if (path === '/actions/runs/7/artifacts?per_page=100') {
    const artifacts = list.map(([name, zip], i) => ({ id: i, name, size_in_bytes: zip.length, expired: false }));
    return say(200, { total_count: artifacts.length, artifacts });
  }
  const [, index] = /^\/actions\/artifacts\/(\d+)\/zip$/.exec(path) ?? [];
  const zip = list[Number(index)]?.[1];
  if (zip !== undefined) return say(200, zip, { 'content-type': 'application/zip' });
  say(404, { message: 'Not Found' });
}

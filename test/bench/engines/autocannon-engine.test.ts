// The autocannon engine against an HTTP server of the test's own that counts what reaches it, and against the relay.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { AUTOCANNON_DEFAULTS, type AutocannonOptions, autocannonEngine } from '../../../bench/engines/autocannon.js';
import { httpAdmin } from '../../../bench/scenarios/http-admin.js';
import { PLAN_DEFAULTS, type Plan } from '../../../bench/scenarios/scenario.js';
import { startRelayTarget } from '../../../bench/targets/relay.js';
import type { Target } from '../../../bench/targets/target.js';

const PLAN: Plan = { ...PLAN_DEFAULTS, publishers: 2, rate: 100, warmupS: 0, durationS: 2, payloadBytes: 100 };

describe('the autocannon engine', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  const serve = async (
    answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  ): Promise<Target> => {
    const listening = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => answer(request, response, body));
    });
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const { port } = listening.address() as AddressInfo;
    return {
      name: 'stub',
      version: '',
      cmd: '',
      urls: [`ws://127.0.0.1:${port}`],
      dialect: 'raw',
      pids: [],
      stop: async () => {},
    };
  };

  const run = (plan: Partial<Plan>, target: Target, options: Partial<AutocannonOptions> = {}) =>
    autocannonEngine({ ...AUTOCANNON_DEFAULTS, ...options }).play({ ...PLAN, ...plan }, target, {
      progress: () => {},
      phase: () => {},
      signal: new AbortController().signal,
    });

  test('publishes to every topic in turn at the rate asked for, and counts each answer', async () => {
    const byPath = new Map<string, number>();
    const target = await serve((request, response, body) => {
      const key = `${request.method} ${request.url} ${request.headers['content-type']} ${body.length} B`;
      byPath.set(key, (byPath.get(key) ?? 0) + 1);
      response.writeHead(202).end('{}');
    });
    const report = await run({ topics: 2 }, target);
    const requests = [...byPath.values()].reduce((sum, count) => sum + count, 0);
    assert.deepEqual([...byPath.keys()].sort(), [
      'POST /publish/bench-0 text/plain 100 B',
      'POST /publish/bench-1 text/plain 100 B',
    ]);
    assert.equal(report.lost, 0);
    assert.equal(report.delivered, report.expected);
    // autocannon cuts the last requests off.
    assert.ok(requests - report.delivered <= PLAN.publishers, `${requests} requests, ${report.delivered} counted`);
    assert.ok(
      requests >= 200 && requests <= 100 * (report.measuredS + 1),
      `${requests} requests in ${report.measuredS} s`,
    );
    assert.equal(
      report.series.reduce((sum, { deliveries }) => sum + deliveries, 0),
      report.delivered,
    );
  });

  test('counts a refusal as lost, with its status as the reason', async () => {
    let requests = 0;
    const target = await serve((_request, response) => {
      response.writeHead(++requests % 4 === 0 ? 503 : 202).end();
    });
    const report = await run({}, target);
    assert.equal(report.expected, report.delivered + report.lost);
    assert.ok(Math.abs(report.lost - report.expected / 4) <= PLAN.publishers);
    assert.deepEqual(report.connections.failures, [{ reason: 'HTTP 503', count: report.lost }]);
  });

  test('counts a stall once for each request it kept from being made, but only where a rate says how many those are', async () => {
    const stallOnce = () => {
      let requests = 0;
      return serve((_request, response) => {
        if (++requests === 5) setTimeout(() => response.writeHead(202).end(), 640);
        else response.writeHead(202).end();
      });
    };
    // One connection at 20 requests per second: 640 ms keep at least 11 from being made when they were due.
    const corrected = await run({ publishers: 1, rate: 20 }, await stallOnce());
    assert.ok(corrected.latencyUs.totalCount >= corrected.delivered + 11);
    assert.match(String(corrected.extra.coordinatedOmission), /^corrected/);
    server?.closeAllConnections();
    server?.close();
    const closed = await run({ publishers: 1, rate: 0, durationS: 1 }, await stallOnce());
    assert.equal(closed.latencyUs.totalCount, closed.delivered);
    assert.equal(closed.extra.loop, 'closed');
  });

  test('measures other routes on a port of their own', async () => {
    const paths = new Set<string>();
    const admin = await serve((request, response) => {
      paths.add(`${request.method} ${request.url} ${request.headers.authorization}`);
      response.end('ok');
    });
    const adminUrl = (admin.urls[0] as string).replace('ws:', 'http:');
    const target = { ...admin, urls: ['ws://127.0.0.1:1'], adminUrl };
    const report = await run({}, target, {
      paths: ['/healthz', '/metrics'],
      headers: { authorization: 'Bearer t' },
    });
    assert.deepEqual([...paths].sort(), ['GET /healthz Bearer t', 'GET /metrics Bearer t']);
    assert.equal(report.lost, 0);
  });

  test('says why when nothing is answered', async () => {
    const target = await serve((_request, response) => response.writeHead(404).end());
    await assert.rejects(run({}, target), { code: 'FANWIRE_BENCH_UNREACHABLE', message: /HTTP 404/ });
  });

  test('publishes to a real relay, whose subscribers get every message that it accepted; its admin routes answer', async () => {
    const options = {
      nodes: 1,
      workers: 1,
      dialect: 'raw',
      flags: [],
      cores: [],
      connections: 10,
      hasAdmin: true,
    } as const;
    const relay = await startRelayTarget(options);
    try {
      const subscriber = new WebSocket(`${relay.urls[0]}/bench-0`);
      let received = 0;
      subscriber.on('message', () => received++);
      await once(subscriber, 'open');
      const report = await run({}, relay);
      // One connection, so the pong comes after all that was published before it.
      subscriber.ping();
      await once(subscriber, 'pong');
      subscriber.terminate();
      assert.equal(report.lost, 0);
      const unanswered = received - report.delivered;
      assert.ok(unanswered >= 0 && unanswered <= PLAN.publishers, `${received} received, ${report.delivered} accepted`);
      const admin = await run({ durationS: 1 }, relay, { paths: httpAdmin.paths as readonly string[] });
      assert.deepEqual([admin.lost, admin.connections.failures], [0, []]);
    } finally {
      await relay.stop();
    }
  });
});

// The dashboard, the alert rules and the list of metrics in the documentation name only what a real relay exposes, and
// all of it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import test, { type TestContext } from 'node:test';
import { Invalid, Refused } from '../../src/protocol/codes.js';
import { certificate } from '../support/certificate.js';
import { type Exposition, parseExposition } from '../support/exposition.js';
import { serve } from '../support/fanwire-process.js';
import { needs, pathOf } from '../support/needs.js';

const DOCS = new URL('../../../docs/', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, DOCS), 'utf8');

/** What PromQL itself, Prometheus and its scrape add to names and labels. */
const PROMQL_WORDS = new Set(['by', 'on', 'and', 'or', 'unless', 'without', 'ignoring', 'group_left', 'up']);
const SCRAPE_LABELS = new Set(['job', 'instance', 'le']);

async function scrape(t: TestContext): Promise<Exposition> {
  // With TLS, and a cluster whose NATS is away, so that their metrics are there too.
  const { cert, key } = certificate(t);
  const relay = await serve(t, ['--cluster', 'nats://127.0.0.1:1', '--tls-cert', cert, '--tls-key', key]);
  const [, port] = await relay.seen(/"adminPort":(\d+),[^\n]*"msg":"admin on/);
  // A refusal, so that the series by code has a label.
  await new Promise<void>((resolve, reject) => {
    const asked = get({ port: relay.port, path: '/room', rejectUnauthorized: false, agent: false });
    asked.on('error', reject).on('response', (answer) => answer.resume().on('end', resolve));
  });
  return parseExposition(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
}

/** Metric names of a PromQL expression, and the labels that each is matched by. */
function metricsOf(expr: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const bare = expr.replace(/\b(by|without|on|ignoring) *\([^)]*\)/g, '').replace(/\[[^\]]*\]/g, '');
  for (const [, name = '', matchers = '', call] of bare.matchAll(/([a-zA-Z_:][\w:]*) *(?:\{([^}]*)\}|(\())?/g)) {
    if (call !== undefined || PROMQL_WORDS.has(name) || /(^|[^\w"])"[^"]*$/.test(name)) continue;
    const labels = [...matchers.matchAll(/([a-z_]\w*) *[=!]~?/g)].map((match) => match[1] as string);
    found.set(name, new Set([...(found.get(name) ?? []), ...labels]));
  }
  return found;
}

/** Labels that the scraped series of a metric have. */
function labelsOf(exposition: Exposition, name: string): Set<string> {
  const labels = new Set<string>();
  for (const series of exposition.values.keys()) {
    if (series !== name && !series.startsWith(`${name}{`)) continue;
    for (const [, label] of series.matchAll(/[{,]([a-z_]\w*)=/g)) labels.add(label as string);
  }
  return labels;
}

function assertExposed(exposition: Exposition, expr: string): void {
  const names = [...exposition.values.keys()].map((series) => series.replace(/\{.*/, ''));
  const metrics = metricsOf(expr);
  assert.ok(metrics.size > 0, `no metric in ${expr}`);
  for (const [name, labels] of metrics) {
    assert.ok(names.includes(name), `${name} is not exposed: ${expr}`);
    for (const label of labels) {
      const known = SCRAPE_LABELS.has(label) || labelsOf(exposition, name).has(label);
      assert.ok(known, `${name} has no label ${label}: ${expr}`);
    }
  }
  for (const [, grouped = ''] of expr.matchAll(/\bby *\(([^)]*)\)/g)) {
    for (const label of grouped.split(',').map((each) => each.trim())) {
      const known =
        SCRAPE_LABELS.has(label) || [...metrics.keys()].some((name) => labelsOf(exposition, name).has(label));
      assert.ok(known, `nothing has the label ${label}: ${expr}`);
    }
  }
}

test('every metric and label of the dashboard and the alert rules is exposed by a real relay', async (t) => {
  const exposition = await scrape(t);
  const dashboard = JSON.parse(read('ops/grafana.json'));
  const targets = dashboard.panels.flatMap(({ targets = [] }: { targets?: { expr: string }[] }) => targets);
  const alerts = [...read('ops/alerts.yml').matchAll(/^ +expr: '(.*)'$/gm)].map((match) => match[1] as string);
  const annotations = dashboard.annotations.list.map(({ expr }: { expr: string }) => expr);
  const exprs = [...targets.map(({ expr }: { expr: string }) => expr), ...alerts, ...annotations];
  assert.ok(targets.length > 30 && alerts.length > 10);
  for (const expr of exprs.filter((each) => !/^up\{[^}]*\} == 0$/.test(each))) assertExposed(exposition, expr);
  assert.throws(() => assertExposed(exposition, 'sum(rate(fanwire_made_up_total[5m]))'), /not exposed/);
  assert.throws(
    () => assertExposed(exposition, 'sum by (topic) (fanwire_connections)'),
    /no.* label topic|the label topic/,
  );
});

test('the operations guide explains every metric of a relay and no other', async (t) => {
  const { types } = await scrape(t);
  const exposed = [...types.keys()].filter((name) => name.startsWith('fanwire_')).sort();
  const explained = new Set([...read('operations.md').matchAll(/^\| `(fanwire_\w+)/gm)].map((match) => match[1]));
  assert.deepEqual([...explained].sort(), exposed);
});

test('the operations guide explains every field of /stats', async (t) => {
  const relay = await serve(t);
  const [, port] = await relay.seen(/"adminPort":(\d+),[^\n]*"msg":"admin on/);
  const stats = (await (await fetch(`http://127.0.0.1:${port}/stats`)).json()) as Record<string, object>;
  const guide = read('operations.md');
  const section = guide.slice(guide.indexOf('## Statistics'), guide.indexOf('## Signals'));
  const fields = [...Object.keys(stats), ...Object.keys(stats.total ?? {}), ...Object.keys(stats.process ?? {})];
  assert.ok(fields.length > 25);
  for (const field of fields) assert.ok(section.includes(`\`${field}\``), field);
});

test('the guides explain every code that a request, an op or a line can be refused with', () => {
  const guides = ['operations.md', 'auth.md', 'protocol.md'].map(read).join();
  for (const { code } of [...Object.values(Refused), ...Object.values(Invalid)])
    assert.ok(guides.includes(`\`${code}\``), code);
});

test('promtool accepts the alert rules and their unit tests pass', needs('promtool'), () => {
  const promtool = (...args: string[]) =>
    spawnSync(pathOf('promtool'), args, { cwd: new URL('ops/', DOCS), encoding: 'utf8' });
  for (const args of [
    ['check', 'rules', 'alerts.yml'],
    ['test', 'rules', 'alerts-test.yml'],
  ]) {
    const { status, stdout, stderr } = promtool(...args);
    assert.equal(status, 0, stdout + stderr);
  }
});

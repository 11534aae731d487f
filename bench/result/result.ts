// The result of one run, `fanwire.result/1`: the object that every engine fills and every report reads.
//
// The zod schema below is the only definition. The TypeScript type is inferred from it, and bench/result.schema.json
// is generated from it (`npm run schema`), so the three cannot disagree. Times are milliseconds, sizes bytes, CPU in
// cores (1 = one core fully busy) unless a field says otherwise. `null` always means "not measured", never zero.

import { z } from 'zod';

export const RESULT_SCHEMA = 'fanwire.result/1';

const count = (text: string) => z.int().nonnegative().describe(text);
const amount = (text: string) => z.number().nonnegative().describe(text);
const amountOrNull = (text: string) => z.number().nonnegative().nullable().describe(text);

const target = z
  .strictObject({
    name: z.string().min(1).describe('What was measured: fanwire, a peer, or the URL'),
    version: z.string().describe('Its version; empty when it could not be told'),
    cmd: z.string().describe('The command that started it, or the URL of a server that was already there'),
    uws: z
      .string()
      .optional()
      .describe('The build of uWebSockets.js it ran on: package, binary, digest; absent where unknown'),
  })
  .describe('The server under test');

const host = z
  .strictObject({
    cpu: z.string().describe('CPU model'),
    cores: z.int().positive().describe('Cores that the operating system shows'),
    node: z.string().describe('Node.js version of the harness, such as v22.1.0'),
    kernel: z.string().describe('Kernel release'),
  })
  .describe('The machine that ran the generator (and the server, unless the target is a URL elsewhere)');

const connections = z
  .strictObject({
    requested: count('Connections the scenario asked for'),
    opened: count('Connections whose WebSocket handshake completed'),
    failed: count('Connections refused, timed out or closed before their handshake completed'),
    failures: z
      .array(z.strictObject({ reason: z.string().min(1), count: z.int().positive() }))
      .optional()
      .describe('Why connections failed ("HTTP 503"), most frequent first; absent where none did'),
    connectMs: z
      .strictObject({
        p50: amountOrNull('Median, ms'),
        p99: amountOrNull('99th percentile, ms'),
        max: amountOrNull('Slowest, ms'),
      })
      .describe('From the start of connect() to the completed handshake'),
  })
  .describe('The connection ramp');

const distribution = {
  p50: amountOrNull('Median, ms'),
  p90: amountOrNull('90th percentile, ms'),
  p99: amountOrNull('99th percentile, ms'),
  p999: amountOrNull('99.9th percentile, ms; null when the sample is too small for it'),
  p9999: amountOrNull('99.99th percentile, ms; null when the sample is too small for it'),
  max: amountOrNull('The largest, ms'),
  mean: amountOrNull('Mean, ms'),
  histogram: z.base64().describe('HdrHistogram V2, compressed, base64; its unit is MICROseconds. Empty: no sample'),
};

const latencyMs = z
  .strictObject(distribution)
  .describe('From the moment a message was due (open loop) to the moment a subscriber had it');

const staleness = z
  .strictObject({
    ...distribution,
    conflated: count('Updates that a newer one of their key took the place of before they were delivered; not lost'),
  })
  .describe(
    'How old the newest state of a key was, by its due time, that a subscriber had when the next one arrived: all subscribers and keys',
  );

const seriesPoint = z.strictObject({
  t: amount('End of this interval, ms since the run began (connection ramp included)'),
  deliveries: count('Messages that subscribers received in this interval (a count, not a rate)'),
  p50: amountOrNull('Median latency of this interval, ms; null without a delivery'),
  p99: amountOrNull('99th percentile latency of this interval, ms; null without a delivery'),
  serverCpu: amountOrNull('Cores the server used in this interval; null when its pid is not known'),
  serverRss: amountOrNull('Resident memory of the server at t, bytes; null when its pid is not known'),
  connections: count('Connections open at t').optional(),
});

const server = z
  .strictObject({
    cpuSeconds: amount('CPU seconds the server used while messages were measured'),
    cpuPerMillionDeliveries: amountOrNull('CPU seconds per 1,000,000 deliveries; null without a delivery'),
    rssMax: amount('Largest resident memory seen, bytes'),
    rssPerConnection: amountOrNull('Growth of resident memory per open connection, bytes; null when not measured'),
  })
  .describe('The server process, children included; null when its pid is not known (a URL elsewhere)');

const generator = z
  .strictObject({
    cpu: amount('Use of the busiest generator core: 1 = saturated'),
    scheduleSlipMs: z
      .strictObject({ p99: amountOrNull('99th percentile, ms'), max: amountOrNull('Worst, ms') })
      .describe('How late the generator sent what was due'),
    eventLoopDelayMs: z
      .strictObject({ p99: amountOrNull('99th percentile, ms; null for an engine without an event loop of ours') })
      .describe("Delay of the generator's event loop"),
    floorMs: z
      .strictObject({ p50: amountOrNull('Median, ms'), p99: amountOrNull('99th percentile, ms') })
      .optional()
      .describe(
        'What the generator itself adds to a latency, measured before the run against an echo that does nothing',
      ),
    intakeMs: z
      .strictObject({ p50: amount('Of the median copy, ms'), p99: amount('Of the last copies, ms') })
      .optional()
      .describe('What the generator adds because it reads the copies of one message one after the other (k6 only)'),
  })
  .describe('The generator that produced the load');

const step = z.strictObject({
  label: z.string().describe('What this step varied, with its unit: "16 KiB", "40000 msg/s"'),
  value: amount('The varied parameter as a number: bytes, messages per second, …'),
  expected: count('Deliveries that should have happened'),
  delivered: count('Deliveries that happened'),
  lost: count('expected but never delivered'),
  deliveriesPerSecond: amount('Deliveries per second while messages were measured'),
  p50: amountOrNull('Median latency, ms'),
  p99: amountOrNull('99th percentile latency, ms'),
  max: amountOrNull('Slowest delivery, ms'),
  held: z.boolean().nullable().describe('Whether the objective held in this step; null when there was none'),
  valid: z.boolean().describe('Whether the generator kept up in this step'),
});

const param = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.union([z.string(), z.number()]))]);

export const resultSchema = z
  .strictObject({
    schema: z.literal(RESULT_SCHEMA),
    scenario: z.string().min(1).describe('Scenario name, as `fanwire bench list` prints it'),
    engine: z.enum(['native', 'k6', 'autocannon']).describe('What generated the load'),
    startedAt: z.iso.datetime().optional().describe('When the run began, UTC'),
    target,
    host,
    params: z.record(z.string(), param).describe('Every parameter of the scenario as it ran, defaults included'),
    connections,
    published: count('Messages sent to the server while messages were measured'),
    expected: count(
      'Deliveries that should follow from them: published × the subscribers of each, sender excluded, without what was conflated',
    ),
    delivered: count('Deliveries that happened, duplicates not counted'),
    lost: count('expected but never delivered'),
    duplicated: count('Deliveries of a message to a subscriber that already had it'),
    outOfOrder: count("Deliveries that came after a later message of the same sender's"),
    echoed: count(
      'Messages that came back to their own publisher; absent where the engine does not count them',
    ).optional(),
    deliveriesPerSecond: amount('delivered ÷ the seconds in which messages were measured'),
    latencyMs,
    staleness: staleness.optional(),
    phases: z
      .strictObject({
        warmup: amount('When load began, ms since the run began'),
        measure: amount('When measuring began'),
        drain: amount('When the last measured message was due'),
      })
      .optional()
      .describe('When the phases of the run began; absent where several runs are summed up'),
    series: z.array(seriesPoint).describe('The run over time, oldest first'),
    steps: z.array(step).optional().describe('The steps of a payload sweep or of a max-rate search, in the order run'),
    server: server.nullable(),
    generator,
    valid: z.boolean().describe('false: the figures are not the server’s and must not be quoted'),
    invalidReasons: z.array(z.string().min(1)).describe('Why not, one sentence each; empty when valid'),
    serverFaults: z
      .array(z.string().min(1))
      .optional()
      .describe(
        'What the server did wrong whatever the generator did (it ended, it closed connections), one sentence each',
      ),
    remarks: z
      .array(z.string().min(1))
      .optional()
      .describe(
        'What a reader of a valid run should know, one sentence each: its objective held although the generator was late',
      ),
  })
  .describe('The result of one fanwire benchmark run');

/** One run's result. Field documentation is in the schema above and in bench/result.schema.json. */
export type Result = z.infer<typeof resultSchema>;
export type SeriesPoint = Result['series'][number];
export type ResultStep = NonNullable<Result['steps']>[number];

/** The published JSON Schema (draft 2020-12) of a result, generated from the zod schema. */
export function resultJsonSchema(): Record<string, unknown> {
  const generated = z.toJSONSchema(resultSchema, { target: 'draft-2020-12' });
  return { ...generated, title: RESULT_SCHEMA };
}

// An objective such as `p99<50ms,loss<0.1%`: the one grammar of `fanwire bench --slo` and of the k6 scripts, and the k6
// thresholds that check it.

/** What a run's expected traffic is, for objectives given as a share of it. */
export interface PlannedTraffic {
  readonly deliveries: number;
  readonly durationS: number;
}

/** One condition of an objective. */
export interface Term {
  /** As written, for messages. */
  readonly text: string;
  readonly metric: string;
  readonly op: '<' | '<=' | '>' | '>=' | '==';
  /** In `unit`. */
  readonly value: number;
  readonly unit: '' | 'ms' | '%';
}

const FORM =
  /^(p[1-9]\d?(?:\.\d+)?|mean|max|staleness\.(?:p50|p99|max)|loss|duplicated|outOfOrder|failed|deliveries\/s)(<=|>=|==|<|>)(\d+(?:\.\d+)?)(us|ms|s|%|k)?$/;

/** What may be written, for errors. */
export const SLO_FORMS =
  'use p50, p99, p99.9 (or another percentile), mean, max, staleness.p50, staleness.p99 or staleness.max with us, ms or s; loss (a count, or %), duplicated, outOfOrder, failed, deliveries/s: p99<50ms,loss==0';

/** The terms of an objective, separated by commas, all of which must hold; a text instead of one that is not
 *  understood. */
export function readSlo(slo: string): Term[] | string {
  const terms: Term[] = [];
  for (const part of slo.split(',')) {
    const text = part.replace(/\s+/g, '');
    if (text === '') continue;
    const term = readTerm(text);
    if (term === undefined) return text;
    terms.push(term);
  }
  return terms;
}

function readTerm(text: string): Term | undefined {
  const [, metric = '', op = '', digits = '', unit = ''] = FORM.exec(text) ?? [];
  const isTime = isLatency(metric);
  const unitFits = isTime
    ? unit !== '%' && unit !== '' && unit !== 'k'
    : unit === '' || unit === 'k' || (metric === 'loss' && unit === '%');
  if (metric === '' || !unitFits) return undefined;
  const scale = unit === 's' || unit === 'k' ? 1000 : unit === 'us' ? 0.001 : 1;
  return {
    text,
    metric,
    op: op as Term['op'],
    value: Number(digits) * scale,
    unit: isTime ? 'ms' : unit === '%' ? '%' : '',
  };
}

export function isLatency(metric: string): boolean {
  return /^(p\d|mean$|max$|staleness)/.test(metric);
}

/** As `readSlo` in k6, which knows no staleness; throws one line that names the term. */
export function parseSlo(slo: string): Term[] {
  const terms = readSlo(slo);
  const unknown = typeof terms === 'string' ? undefined : terms.find(({ metric }) => metric.startsWith('staleness'));
  if (unknown !== undefined) throw new Error(`SLO term ${unknown.text} is for --engine native: k6 knows no staleness`);
  if (typeof terms !== 'string') return terms;
  throw new Error(`SLO term ${terms} is not understood: ${SLO_FORMS}`);
}

/** Whether a generator that is late can only make a run look worse than the server is, for every one of `terms`:
 *  latencies it stretches, throughput it holds back, and what it counts it counts right. An objective that holds then,
 *  holds. */
export function areBoundedByDelay(terms: readonly Term[]): boolean {
  const isUpper = ({ op }: Term) => op === '<' || op === '<=';
  const isLower = ({ op }: Term) => op === '>' || op === '>=';
  return terms.every((term) => (term.unit === 'ms' ? isUpper(term) : term.metric !== 'deliveries/s' || isLower(term)));
}

/** Whether k6's own lateness fails no run: there is an objective about latency, and what holds in spite of it holds. */
export function excusesDelay(terms: readonly Term[]): boolean {
  return terms.some(({ unit }) => unit === 'ms') && areBoundedByDelay(terms);
}

/** k6 metric and threshold expression of a term. */
export function toThreshold(
  term: Term,
  planned: PlannedTraffic,
): { readonly metric: string; readonly expression: string } {
  const compare = (value: number) => `${term.op}${value}`;
  switch (term.metric) {
    case 'mean':
      return { metric: 'fanwire_latency', expression: `avg${compare(term.value)}` };
    case 'max':
      return { metric: 'fanwire_latency', expression: `max${compare(term.value)}` };
    case 'loss': {
      const messages = term.unit === '%' ? (term.value / 100) * planned.deliveries : term.value;
      return { metric: 'fanwire_lost', expression: `count${compare(messages)}` };
    }
    case 'duplicated':
      return { metric: 'fanwire_duplicated', expression: `count${compare(term.value)}` };
    case 'outOfOrder':
      return { metric: 'fanwire_out_of_order', expression: `count${compare(term.value)}` };
    case 'failed':
      return { metric: 'fanwire_failed', expression: `count${compare(term.value)}` };
    case 'deliveries/s':
      return { metric: 'fanwire_deliveries', expression: `count${compare(term.value * planned.durationS)}` };
    default:
      return { metric: 'fanwire_latency', expression: `p(${term.metric.slice(1)})${compare(term.value)}` };
  }
}

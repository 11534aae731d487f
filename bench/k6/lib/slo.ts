// An objective such as `p99<50ms,loss<0.1%`: the only parser for `fanwire bench --slo` and the k6 scripts, and the k6
// thresholds that check an objective.

/** The planned traffic of a run, for objectives that are a share of it. */
export interface PlannedTraffic {
  readonly deliveries: number;
  readonly durationS: number;
}

/** One condition of an objective. */
export interface Term {
  /** As written, for error messages and reports. */
  readonly text: string;
  readonly metric: string;
  readonly op: '<' | '<=' | '>' | '>=' | '==';
  /** In `unit`. */
  readonly value: number;
  readonly unit: '' | 'ms' | '%';
}

const FORM =
  /^(p[1-9]\d?(?:\.\d+)?|mean|max|staleness\.(?:p50|p99|max)|loss|duplicated|outOfOrder|failed|deliveries\/s)(<=|>=|==|<|>)(\d+(?:\.\d+)?)(us|ms|s|%|k)?$/;

/** The accepted forms, for errors. */
export const SLO_FORMS =
  'use p50, p99, p99.9 (or another percentile), mean, max, staleness.p50, staleness.p99 or staleness.max with us, ms or s; loss (a count, or %), duplicated, outOfOrder, failed, deliveries/s: p99<50ms,loss==0';

/** The terms of an objective, separated by commas; all of them must hold. If a term is not understood, its text is
 *  returned instead. */
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

/** Like `readSlo`, for k6, which cannot measure staleness. Throws one line that names the wrong term. */
export function parseSlo(slo: string): Term[] {
  const terms = readSlo(slo);
  const unknown = typeof terms === 'string' ? undefined : terms.find(({ metric }) => metric.startsWith('staleness'));
  if (unknown !== undefined) throw new Error(`SLO term ${unknown.text} is for --engine native: k6 knows no staleness`);
  if (typeof terms !== 'string') return terms;
  throw new Error(`SLO term ${terms} is not understood: ${SLO_FORMS}`);
}

/** Whether a late generator can only make a run look worse than the server is, for each of `terms`: it increases
 *  latencies and reduces throughput, and its counts stay correct. So if such an objective holds, it holds for the
 *  server too. */
export function areBoundedByDelay(terms: readonly Term[]): boolean {
  const isUpper = ({ op }: Term) => op === '<' || op === '<=';
  const isLower = ({ op }: Term) => op === '>' || op === '>=';
  return terms.every((term) => (term.unit === 'ms' ? isUpper(term) : term.metric !== 'deliveries/s' || isLower(term)));
}

/** Whether k6's own lateness need not fail a run: the objective has a term about latency, and lateness can only make it
 *  harder to meet. */
export function excusesDelay(terms: readonly Term[]): boolean {
  return terms.some(({ unit }) => unit === 'ms') && areBoundedByDelay(terms);
}

/** The k6 metric and the threshold expression of a term. */
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

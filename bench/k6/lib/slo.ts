// An objective such as `p99<50ms,loss==0`, and the k6 thresholds that check it.

/** What a run's expected traffic is, for objectives given as a share of it. */
export interface Planned {
  readonly deliveries: number;
  readonly durationS: number;
}

export interface Term {
  readonly text: string;
  readonly metric: string;
  readonly op: '<' | '<=' | '>' | '>=' | '==';
  readonly value: number;
  readonly unit: '' | 'ms' | '%';
}

const FORM =
  /^(p\d{1,2}(?:\.\d+)?|mean|max|loss|duplicated|outOfOrder|failed|deliveries\/s)(<=|>=|==|<|>)(\d+(?:\.\d+)?)(us|ms|s|%|k)?$/;
const HINT =
  'use p50, p99, p99.9, mean, max (with us, ms or s), loss (count or %), duplicated, outOfOrder, failed or deliveries/s, as in p99<50ms,loss==0';

/** Reads a comma-separated objective. Throws one line that names the term it could not read. */
export function parseSlo(slo: string): Term[] {
  const parts = slo.split(',').map((part) => part.replace(/\s+/g, ''));
  return parts.filter((part) => part !== '').map(parseTerm);
}

function parseTerm(text: string): Term {
  const match = FORM.exec(text);
  if (!match) throw new Error(`SLO term ${text} is not understood: ${HINT}`);
  const [, metric = '', op = '', digits = '', unit = ''] = match;
  const isTime = /^(p\d|mean|max)/.test(metric);
  const unitFits = isTime
    ? unit !== '%' && unit !== '' && unit !== 'k'
    : unit === '' || unit === 'k' || (metric === 'loss' && unit === '%');
  if (!unitFits) throw new Error(`SLO term ${text} has the wrong unit: ${HINT}`);
  const scale = unit === 's' || unit === 'k' ? 1000 : unit === 'us' ? 0.001 : 1;
  return {
    text,
    metric,
    op: op as Term['op'],
    value: Number(digits) * scale,
    unit: isTime ? 'ms' : unit === '%' ? '%' : '',
  };
}

/** Whether a k6 that is late can only make a run look worse than the server is, for each of `terms`: an objective that
 *  holds under it then holds. False without any. */
export function areBoundedByDelay(terms: readonly Term[]): boolean {
  const isUpper = ({ op }: Term) => op === '<' || op === '<=';
  const isLower = ({ op }: Term) => op === '>' || op === '>=';
  return (
    terms.some(({ unit }) => unit === 'ms') &&
    terms.every((term) => (term.unit === 'ms' ? isUpper(term) : term.metric !== 'deliveries/s' || isLower(term)))
  );
}

/** k6 metric and threshold expression of a term. */
export function toThreshold(term: Term, planned: Planned): { readonly metric: string; readonly expression: string } {
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

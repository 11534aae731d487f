// A reporter of node:test that writes one line of JSON for each test that ended: what the runner counts, and what it
// says at the end.

/** How one test ended. */
export interface Ended {
  readonly name: string;
  readonly how: 'passed' | 'failed' | 'skipped' | 'todo';
  /** Why it was left out, or the error's message. */
  readonly why: string;
}

interface Event {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: {
      readonly type?: string;
      readonly error?: { readonly failureType?: string; readonly message?: string; readonly cause?: unknown };
    };
  };
}

/** Not chosen by --test-name-pattern: these are neither left out nor played. */
const NOT_CHOSEN = /^test name (does not match|matches skip) pattern$/;

export default async function* eventReporter(events: AsyncIterable<Event>): AsyncGenerator<string> {
  for await (const event of events) {
    const ended = endedBy(event);
    if (ended !== undefined) yield `${JSON.stringify(ended)}\n`;
  }
}

/** Undefined for what is no end of a test: a suite, and a test that failed only since one within it did, are told by
 *  their tests. */
function endedBy({ type, data }: Event): Ended | undefined {
  if (type !== 'test:pass' && type !== 'test:fail') return undefined;
  const { name = '', skip, todo, details } = data;
  if (details?.type === 'suite' && details.error?.failureType !== 'hookFailed') return undefined;
  if (isSaid(skip)) {
    if (NOT_CHOSEN.test(String(skip))) return undefined;
    return { name, how: 'skipped', why: typeof skip === 'string' && skip !== '' ? skip : 'no reason given' };
  }
  if (isSaid(todo)) return { name, how: 'todo', why: String(todo) };
  if (type === 'test:pass') return { name, how: 'passed', why: '' };
  if (details?.error?.failureType === 'subtestsFailed') return undefined;
  return { name, how: 'failed', why: messageOf(details?.error?.cause) ?? details?.error?.message ?? 'failed' };
}

function isSaid(flag: string | boolean | undefined): boolean {
  return flag !== undefined && flag !== false;
}

function messageOf(cause: unknown): string | undefined {
  if (typeof cause === 'string') return cause;
  const { message, stack } = (cause ?? {}) as { message?: unknown; stack?: unknown };
  if (typeof message === 'string' && message !== '') return message;
  return typeof stack === 'string' ? stack : undefined;
}

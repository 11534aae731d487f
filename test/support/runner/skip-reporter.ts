// A reporter of node:test that writes one line of JSON for each test that was left out.
import type { SkippedTest } from './left-out.js';

interface Event {
  readonly type: string;
  readonly data: { readonly name?: string; readonly file?: string; readonly skip?: string | boolean };
}

export default async function* skipReporter(events: AsyncIterable<Event>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' || data.skip === undefined || data.skip === false) continue;
    const reason = typeof data.skip === 'string' && data.skip !== '' ? data.skip : 'no reason given';
    const skipped: SkippedTest = { name: data.name ?? '', file: data.file ?? '', reason };
    yield `${JSON.stringify(skipped)}\n`;
  }
}

// Reads Prometheus's text format (version 0.0.4) strictly, so that a test sees what a scraper would.

export interface Exposition {
  /** Values by series as written: `name` or `name{label="value"}`. */
  readonly values: ReadonlyMap<string, number>;
  /** Types by metric name. */
  readonly types: ReadonlyMap<string, string>;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(\{[^}]*\})? (\S+)$/;

/** Throws on a line that is neither comment nor sample, on a sample without a type, and on a series that comes
 *  twice. */
export function parseExposition(text: string): Exposition {
  const values = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    if (line.startsWith('# TYPE ')) {
      const [, , name = '', type = ''] = line.split(' ');
      types.set(name, type);
      continue;
    }
    const [, name = '', labels = '', value] = SAMPLE.exec(line) ?? [];
    if (value === undefined) throw new Error(`no sample: ${line}`);
    const family = name.replace(/_(bucket|sum|count)$/, '');
    if (!types.has(name) && !types.has(family)) throw new Error(`no type: ${line}`);
    if (values.has(name + labels)) throw new Error(`twice: ${line}`);
    values.set(name + labels, value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value));
  }
  return { values, types };
}

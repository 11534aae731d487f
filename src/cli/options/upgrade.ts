// Options of those who open WebSockets on a server under test: what its upgrade asks for.
import { z } from 'zod';
import { option } from '../../config/option.js';
import { toggle } from '../../config/types.js';
import { header } from '../argument.js';

/** Lines, each "Name: value", or a JSON object. */
function headersOf(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return headersOf(Object.entries(value).map(([name, text]) => `${name}: ${text}`));
  }
  const lines = typeof value === 'string' ? value.split('\n') : (value as string[]);
  return lines.reduce<Readonly<Record<string, string>>>((all, line) => header(line, all), {});
}

export const headers = option({
  flag: 'header',
  argument: 'header',
  description: 'Further header of each upgrade, "Name: value"',
  type: z
    .preprocess(headersOf, z.record(z.string(), z.string()))
    .describe('lines of "Name: value"; an object in a file'),
  default: {},
  repeats: true,
  secret: true,
});

export const insecure = option({
  flag: 'insecure',
  description: 'Accept any TLS certificate',
  type: toggle(),
  default: false,
});

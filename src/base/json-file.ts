// Reads a JSON file that a person named.
import { readFileSync } from 'node:fs';

/** Text without the byte order mark that some editors put before it. */
export function withoutMark(text: string): string {
  return text.replace(/^\ufeff/, '');
}

/** What `path` holds.
 *  @throws Error with one line to put behind the file's name: JSON.parse quotes the file, line ends included */
export function readJsonFile(path: string): unknown {
  const text = withoutMark(readFileSync(path, 'utf8'));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`not JSON: ${(error as Error).message.replace(/\s*\n\s*/g, ' ')}`);
  }
}

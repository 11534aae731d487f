// Reads a JSON file that a person named.
import { readFileSync } from 'node:fs';

/** What `path` holds.
 *  @throws Error with one line to put behind the file's name: JSON.parse quotes the file, line ends included */
export function readJsonFile(path: string): unknown {
  const text = readFileSync(path, 'utf8');
  try {
    // Some editors put a byte order mark before it.
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new Error(`not JSON: ${(error as Error).message.replace(/\s*\n\s*/g, ' ')}`);
  }
}
